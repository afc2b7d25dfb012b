import type { ChildState } from "../reconcilers/ports.ts";
import type { Clock } from "./clock.ts";
import type { ResourceType } from "./kinds.ts";
import type { Log } from "./log.ts";
import type { LiveObject } from "./objects.ts";
import type { Reflector } from "./reflector.ts";
import type { Store } from "./store.ts";
import type { Transport } from "./transport.ts";

/** What is kept of a child: enough to know whether it needs a write, and the facts that the kind's reader asked for. */
export interface Child<Facts> {
  readonly state: ChildState;
  /** `platform-operator.dev/service`. */
  readonly service: string | undefined;
  /** `spec.replicas`. */
  readonly replicas: number | undefined;
  readonly facts: Facts;
}

export type ChildStore<Facts> = Store<Child<Facts>, "controller">;

export interface ChildSource<Facts> {
  readonly resource: ResourceType;
  readonly store: ChildStore<Facts>;
  readonly reflector: Reflector<Child<Facts>>;
}

export interface ChildSourceOptions<Facts> {
  readonly transport: Transport;
  readonly resource: ResourceType;
  /** `ours`: what carries app.kubernetes.io/managed-by=platform-operator. `all`: every object of the kind (Services, NetworkPolicies). */
  readonly scope: "ours" | "all";
  /** What else is kept of each object; pure. */
  readonly facts: (object: LiveObject) => Facts;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
}

/** The store of a child kind and the reflector that fills it. */
export declare function childSource<Facts>(options: ChildSourceOptions<Facts>): ChildSource<Facts>;
