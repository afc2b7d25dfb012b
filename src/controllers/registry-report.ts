import type { Log } from "../kube/log.ts";
import type { RegistryObserved } from "../reconcilers/ports.ts";
import { replicatesEvery, scansEvery } from "../reconcilers/registry-rules.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/**
 * Scanning and replication are settings of the whole registry, one document for all who share the account: read and said, never written. A metric
 * has what is seen; the log says once that images are not scanned, and once that they are again.
 */
export class RegistryReport {
  readonly #options: { readonly prefix: string; readonly log: Log; readonly metrics: Pick<Metrics, "registryCovers"> };
  #scans: boolean | undefined;

  /** `prefix`: of every repository of ours. */
  constructor(options: { readonly prefix: string; readonly log: Log; readonly metrics: Pick<Metrics, "registryCovers"> }) {
    this.#options = options;
  }

  seen(registry: RegistryObserved): void {
    const { prefix, log, metrics } = this.#options;
    const scanning = scansEvery(prefix, registry.scanning);
    metrics.registryCovers(prefix, { scanning, replication: replicatesEvery(prefix, registry.replication) });
    if (scanning === this.#scans) return;
    if (!scanning) {
      log.warn(
        { prefix, filters: registry.scanning },
        `no scanning rule of the ECR registry is about every repository under the prefix: what is vulnerable in images is not found; add the filter ${prefix}* to its scanning configuration`,
      );
    } else if (this.#scans === false) {
      log.info({ prefix }, "the ECR registry scans every repository under the prefix now");
    }
    this.#scans = scanning;
  }
}
