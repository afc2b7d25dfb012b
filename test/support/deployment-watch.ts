import { KubeConfig } from "@kubernetes/client-node";
import { deploymentFacts } from "../../src/controllers/facts.ts";
import { systemClock } from "../../src/kube/clock.ts";
import { KINDS } from "../../src/kube/kinds.ts";
import { Reflector } from "../../src/kube/reflector.ts";
import { Store } from "../../src/kube/store.ts";
import { createTransport } from "../../src/kube/transport.ts";

/** Follows the Deployments of a namespace and counts how many are being rolled out at the same time. */
export interface RolloutWatch {
  /** The most at any moment since the start of the watch. */
  readonly most: () => number;
  close(): Promise<void>;
}

/** Resolves when it has seen every Deployment once. */
export async function watchRollouts(kubeconfig: string, namespace: string): Promise<RolloutWatch> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfig);
  const transport = createTransport(kubeConfig, { version: "watch", clock: systemClock });
  const store = new Store({ reduce: (object) => ({ namespace: object.metadata.namespace, facts: deploymentFacts(object) }) });
  const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
  const reflector = new Reflector({ transport, resource: KINDS.Deployment, store, clock: systemClock, random: Math.random, log: silent });
  const ending = new AbortController();
  const { promise: synced, resolve } = Promise.withResolvers<void>();
  reflector.onState(() => resolve());
  const running = reflector.run(ending.signal);
  await synced;
  let most = 0;
  store.subscribe(() => {
    most = Math.max(most, store.list().filter((d) => d.namespace === namespace && !d.facts.rolledOut).length);
  });
  return {
    most: () => most,
    async close() {
      ending.abort();
      await running;
      await transport.close();
    },
  };
}
