import type { ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";

/** The full DNS name of a Service. */
export function serviceHost(key: ObjectKey, config: OperatorConfig): string {
  return `${key.name}.${key.namespace}.svc.${config.network.clusterDomain}`;
}
