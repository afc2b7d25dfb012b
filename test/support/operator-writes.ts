import { expect, vi } from "vitest";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import { auditEvents, OPERATOR_USER, READS } from "./audit-log.ts";
import { PATIENCE_MS, type Platform } from "./platform.ts";

/** What the operator wrote, as the API server's audit log and the emulator's action log have it: never by its own word. */

export interface Writes {
  /** As `patch deployments/scale web`, oldest first. */
  readonly kubernetes: readonly string[];
  /** As `iam:PutRolePolicy`, oldest first. */
  readonly aws: readonly string[];
}

/** Every write of the operator so far that concerns a namespace, or one service of it, in Kubernetes and in AWS. */
export async function operatorWrites(platform: Platform, namespace: string, service = ""): Promise<Writes> {
  const events = await auditEvents(
    platform.info.auditLogFile,
    (e) => e.stage === "ResponseComplete" && e.user.username === OPERATOR_USER && !READS.has(e.verb),
  );
  const kubernetes = events.flatMap(({ verb, objectRef: ref }) =>
    ref?.namespace === namespace && (ref.name ?? "").startsWith(service)
      ? [`${verb} ${ref.resource}${ref.subresource === undefined ? "" : `/${ref.subresource}`} ${ref.name ?? ""}`.trimEnd()]
      : [],
  );
  const actions = await new EmulatorAdmin(platform.info.awsEndpoint).actions();
  const aws = actions
    .filter((a) => a.accessKeyId === OPERATOR_KEY && a.access === "write" && concerns(a.resource, { namespace, name: service }))
    .map((a) => a.operation);
  return { kubernetes, aws };
}

/** A role's name ends in `.namespace.name`, a repository's is `namespace/name`, what is in App Mesh is called `cluster_namespace_name`, or after the host. */
function concerns(arn: string, { namespace, name }: ObjectKey): boolean {
  const marks = [`.${namespace}.${name}`, `/${namespace}/${name}`, `_${namespace}_${name}`, `virtualService/${name}`];
  return marks.some((mark) => arn.includes(mark)) && arn.includes(namespace);
}

/** When the last pass over the service ended, by the operator that runs now: seconds since 1970; undefined: there was none. */
export function lastPass(platform: Platform, { namespace, name }: ObjectKey): Promise<number | undefined> {
  return platform.metric(`platform_service_last_reconcile_timestamp_seconds{namespace="${namespace}",name="${name}"}`);
}

/** Has a pass run over a service that it has no reason for, by an annotation of somebody's; resolves when it has ended. */
export async function provokePass(platform: Platform, key: ObjectKey): Promise<void> {
  const { namespace, name } = key;
  // The server may end an idle connection just when it is used again.
  const before = await vi.waitFor(() => lastPass(platform, key), { timeout: PATIENCE_MS, interval: 50 });
  await platform.kubectl(["annotate", "psvc", name, "-n", namespace, "--overwrite", `example.com/touched=${String(performance.now())}`]);
  // Not expect.poll: that works in a test only, and hooks call this too.
  await vi.waitFor(async () => expect(await lastPass(platform, key)).not.toBe(before), { timeout: PATIENCE_MS, interval: 50 });
}
