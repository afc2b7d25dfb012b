import { systemClock } from "../../src/kube/clock.ts";
import type { ResourceType } from "../../src/kube/kinds.ts";
import type { LiveObject } from "../../src/kube/objects.ts";
import { Reflector } from "../../src/kube/reflector.ts";
import { Store } from "../../src/kube/store.ts";
import type { Transport } from "../../src/kube/transport.ts";
import { silentLog } from "../support/kube-runtime.ts";

/** What of one kind is made and changed from now on. */
export interface Following {
  /** Resolves when what was there before has been told too. */
  readonly synced: Promise<void>;
  stop(): Promise<void>;
}

/** Calls `seen` with each object of the kind as it is, and as it becomes. */
export function follow(transport: Transport, resource: ResourceType, seen: (object: LiveObject) => void): Following {
  const store = new Store<LiveObject>({ reduce: (object) => object });
  store.subscribe(({ new: object }) => {
    if (object !== undefined) seen(object);
  });
  const reflector = new Reflector({ transport, resource, store, clock: systemClock, random: Math.random, log: silentLog });
  const ending = new AbortController();
  const running = reflector.run(ending.signal);
  const synced = new Promise<void>((resolve) => {
    reflector.onState(() => {
      if (reflector.hasSynced()) resolve();
    });
  });
  return {
    synced,
    async stop() {
      ending.abort();
      await running;
    },
  };
}
