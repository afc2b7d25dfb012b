import { KubeConfig } from "@kubernetes/client-node";
import { withoutManagedFields } from "../controllers/sources.ts";
import { keyString, type ObjectKey } from "../crds/meta.ts";
import type { PlatformService } from "../crds/platform-service.ts";
import { systemClock } from "../kube/clock.ts";
import { KINDS } from "../kube/kinds.ts";
import type { Log } from "../kube/log.ts";
import { Reflector } from "../kube/reflector.ts";
import { Store } from "../kube/store.ts";
import { createTransport } from "../kube/transport.ts";

/** Follows PlatformServices as a person with kubectl would, and waits for what is hoped of them. Not the operator's own client. */
export interface ServiceWatch {
  get(key: ObjectKey): PlatformService | undefined;
  list(): readonly PlatformService[];
  /** Calls `listener` at every change; returns the way to stop. */
  subscribe(listener: (before: PlatformService | undefined, after: PlatformService | undefined) => void): () => void;
  /** Resolves when the predicate holds; rejects after `timeoutMs` with `what` and how the services are then. */
  until(what: string, predicate: () => boolean, timeoutMs: number): Promise<void>;
  close(): Promise<void>;
}

const SILENT: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export function watchServices(kubeconfig: string): ServiceWatch {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(kubeconfig);
  const transport = createTransport(kubeConfig, { version: "watch", clock: systemClock });
  const store = new Store<PlatformService>({ reduce: withoutManagedFields<PlatformService> });
  const reflector = new Reflector({
    transport,
    resource: KINDS.PlatformService,
    store,
    clock: systemClock,
    random: Math.random,
    log: SILENT,
  });
  const ending = new AbortController();
  const running = reflector.run(ending.signal);
  return {
    get: (key) => store.get(key),
    list: () => store.list(),
    subscribe: (listener) => store.subscribe((change) => listener(change.old, change.new)),
    until(what, predicate, timeoutMs) {
      return new Promise((resolve, reject) => {
        const look = (): void => {
          if (!predicate()) return;
          stop();
          resolve();
        };
        const timer = setTimeout(() => {
          stop();
          reject(new Error(`${what}: not within ${String(timeoutMs / 1000)} s\n${describeServices(store.list())}`));
        }, timeoutMs);
        const unsubscribe = store.subscribe(look);
        const stop = (): void => {
          clearTimeout(timer);
          unsubscribe();
        };
        look();
      });
    },
    async close() {
      ending.abort();
      await running;
      await transport.close();
    },
  };
}

/** Ready is True for the generation that is there now. */
export function isReady(service: PlatformService | undefined): boolean {
  const ready = condition(service, "Ready");
  return ready?.status === "True" && ready.observedGeneration === service?.metadata.generation;
}

export function condition(service: PlatformService | undefined, type: string) {
  return service?.status?.conditions?.find((c) => c.type === type);
}

function describeServices(services: readonly PlatformService[]): string {
  return services
    .map((s) => `  ${keyString(s.metadata)}: ${condition(s, "Ready")?.status ?? "?"} ${condition(s, "Ready")?.message ?? ""}`)
    .join("\n");
}
