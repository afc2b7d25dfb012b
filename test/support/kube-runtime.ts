import { KubeConfig } from "@kubernetes/client-node";
import { createChildren } from "../../src/kube/apply.ts";
import { childSource, type ChildSource } from "../../src/kube/child-stores.ts";
import { systemClock } from "../../src/kube/clock.ts";
import type { Log } from "../../src/kube/log.ts";
import { createTransport, type Transport } from "../../src/kube/transport.ts";
import type { ChildRef, Children, ChildState } from "../../src/reconcilers/ports.ts";
import { CHILD_KINDS } from "./child-kinds.ts";

/** The runtime of src/kube against a real API server, as an integration test uses it. */

export const silentLog: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

export interface KubeRuntime {
  readonly transport: Transport;
  readonly children: Children;
  /** `verb resource` of each request since the last call; watches are left out. */
  requests(): readonly string[];
  /** Children over another transport, with the same stores. */
  childrenOver(transport: Transport): Children;
  state(ref: ChildRef): ChildState | undefined;
  /** Resolves when the child is so, at once or by the watch. */
  until(ref: ChildRef, condition: (state: ChildState | undefined) => boolean): Promise<ChildState | undefined>;
  stop(): Promise<void>;
}

/** Watches everything that the operator applies, as the user of the kubeconfig file; resolves when all is seen. */
export async function startKubeRuntime(kubeconfig: string): Promise<KubeRuntime> {
  const config = new KubeConfig();
  config.loadFromFile(kubeconfig);
  let seen: string[] = [];
  const observer = {
    request: (verb: string, resource: string): void => {
      if (verb !== "watch") seen.push(`${verb} ${resource}`);
    },
  };
  const transport = createTransport(config, { version: "test", clock: systemClock, observer });
  const shared = { transport, clock: systemClock, random: Math.random, log: silentLog };
  const sources = CHILD_KINDS.map((resource) => childSource({ ...shared, resource, scope: "ours", facts: () => undefined }));
  const stopping = new AbortController();
  const running = sources.map((source) => source.reflector.run(stopping.signal));
  await Promise.all(sources.map(synced));

  const sourceOf = (ref: ChildRef): ChildSource<undefined> => {
    const source = sources.find(({ resource }) => resource.kind === ref.kind);
    if (source === undefined) throw new Error(`no source of ${ref.kind}`);
    return source;
  };
  const state = (ref: ChildRef): ChildState | undefined => sourceOf(ref).store.get(ref)?.state;
  return {
    transport,
    children: createChildren({ transport, sources }),
    requests() {
      const requests = seen;
      seen = [];
      return requests;
    },
    childrenOver: (other) => createChildren({ transport: other, sources }),
    state,
    until(ref, condition) {
      return new Promise((resolve) => {
        const { store } = sourceOf(ref);
        const look = (): void => {
          const now = state(ref);
          if (!condition(now)) return;
          stop();
          resolve(now);
        };
        const stop = store.subscribe(look);
        look();
      });
    },
    async stop() {
      stopping.abort();
      await Promise.all(running);
      await transport.close();
    },
  };
}

function synced({ reflector }: ChildSource<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (reflector.hasSynced()) resolve();
    };
    reflector.onState(look);
    look();
  });
}
