import type { Environment } from "./environment.ts";
import { ADMIN_KEY, SECRET_KEY } from "./keys.ts";

/** What a person, or a test from outside, needs to go on. */
export function instructions({ plane, emulator, operator, config }: Environment): string {
  return `
export KUBECONFIG=${plane.adminKubeconfig}
export AWS_ENDPOINT_URL=${emulator.url}
export AWS_ACCESS_KEY_ID=${ADMIN_KEY} AWS_SECRET_ACCESS_KEY=${SECRET_KEY} AWS_REGION=${config.cluster.region}
export PATH=${plane.binDir}:$PATH

Next:  kubectl apply -f config/samples
       npm run push -- tracking/tracking 1.4.2
       kubectl get psvc -A -o wide
The operator's log is ${operator.logFile}, its metrics ${operator.telemetryUrl}/metrics
Ctrl-C ends everything.`;
}
