import { condition } from "../../src/cli/service-watch.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import type { PlatformService } from "../../src/crds/platform-service.ts";
import type { Platform } from "./platform.ts";

/** What tests read of a service and of what it owns. */

/** `True`, `False` or `Unknown` with the reason, as `False NoImage`; undefined where the condition is not there. */
export function verdict(service: PlatformService | undefined, type: string): string | undefined {
  const found = condition(service, type);
  return found && `${found.status} ${found.reason}`;
}

export function messageOf(service: PlatformService | undefined, type: string): string {
  return condition(service, type)?.message ?? "";
}

/** The verdict of every condition, by its type. */
export function verdicts(service: PlatformService | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries((service?.status?.conditions ?? []).map((c) => [c.type, `${c.status} ${c.reason}`]));
}

/** Every revision of a service that a watch has shown, oldest first, from now on. */
export function recordRevisions(platform: Platform, key: ObjectKey): readonly PlatformService[] {
  const revisions: PlatformService[] = [];
  platform.watch.subscribe((_before, after) => {
    if (after?.metadata.namespace === key.namespace && after.metadata.name === key.name) revisions.push(after);
  });
  return revisions;
}

export interface Listed {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly generation?: number;
    readonly resourceVersion: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
    readonly finalizers?: readonly string[];
    readonly deletionTimestamp?: string;
  };
}

/** Objects of one kind in a namespace; as `pods`. */
export async function list<T extends Listed = Listed>(platform: Platform, namespace: string, kind: string): Promise<readonly T[]> {
  const { items }: { readonly items: readonly T[] } = JSON.parse(await platform.kubectl(["get", kind, "-n", namespace, "-o", "json"]));
  return items;
}

interface KubeEvent extends Listed {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
  readonly regarding: { readonly kind: string; readonly name: string };
}

/** What was said of the service, and of all that has its name. */
export async function eventsOf(platform: Platform, { namespace, name }: ObjectKey): Promise<readonly KubeEvent[]> {
  return (await list<KubeEvent>(platform, namespace, "events.events.k8s.io")).filter(({ regarding }) => regarding.name === name);
}

/** What the operator said when the service was gone. */
export async function lastWords(platform: Platform, service: ObjectKey): Promise<readonly string[]> {
  return (await eventsOf(platform, service)).filter(({ reason }) => reason === "Deleted").map(({ note }) => note);
}

export interface Pod extends Listed {
  readonly spec: { readonly containers: readonly { readonly name: string; readonly image: string }[] };
}

/** Pods of a service that are not on their way out. */
export async function podsOf(platform: Platform, { namespace, name }: ObjectKey): Promise<readonly Pod[]> {
  const pods = await list<Pod>(platform, namespace, "pods");
  return pods.filter((p) => p.metadata.labels?.["platform-operator.dev/service"] === name && p.metadata.deletionTimestamp === undefined);
}
