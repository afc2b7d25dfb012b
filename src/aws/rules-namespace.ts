import {
  CreateRuleGroupsNamespaceCommand,
  DeleteRuleGroupsNamespaceCommand,
  DescribeRuleGroupsNamespaceCommand,
  PutRuleGroupsNamespaceCommand,
  TagResourceCommand,
  type AmpClient,
  type RuleGroupsNamespaceDescription,
  type RuleGroupsNamespaceStatus,
  type RuleGroupsNamespaceSummary,
} from "@aws-sdk/client-amp";
import { describeOwner } from "../crds/aws-names.ts";
import type { Difference, RulesNamespaceDesired } from "../crds/desired.ts";
import { sha256Hex } from "../crds/hash.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { AwsError, type ExternalResource, type RulesNamespaceObserved } from "../reconcilers/ports.ts";
import { unlessGone, whereClass } from "./expected.ts";
import { assertOurs, isOurs, tagChanges, tagDifferences } from "./ownership.ts";

/**
 * Rule groups namespaces of Amazon Managed Service for Prometheus. It answers before it has taken in what is written: `status` tells how far that is. What it
 * failed at is a difference, so that it is written again.
 */
export function rulesNamespaceResource(
  amp: AmpClient,
  config: OperatorConfig,
): ExternalResource<RulesNamespaceDesired, RulesNamespaceObserved> {
  return {
    group: "aps.aws",
    kind: "RuleGroupsNamespace",

    async observe({ name, owner }) {
      const found = await find(amp, name);
      if (found === undefined) return { state: "absent" };
      const { tags = {} } = found;
      if (!isOurs(tags, owner, config)) return { state: "foreign", owner: describeOwner(tags) };
      if (isLeaving(found)) throw busy("aps:DescribeRuleGroupsNamespace", `${name} is being deleted`);
      return { state: "present", observed: { ...summarisedRules(found), dataHash: hashOf(found.data) } };
    },

    differences,

    revision: ({ modifiedAt }) => modifiedAt?.toString(),

    async create({ name, data, tags }) {
      // The SDK gives each request a token of its own, so that its retries make one namespace.
      const { arn = "", status } = await amp.send(new CreateRuleGroupsNamespaceCommand({ ...namesOf(name), data: bytesOf(data), tags }));
      return { arn, ...written(data, status), tags };
    },

    async update(desired, observed, found) {
      assertOurs(observed.tags, { ...desired, operation: "aps:PutRuleGroupsNamespace" }, config);
      const change = found.some(({ field }) => field === "rules" || field === "status") ? await put(amp, desired) : {};
      const { set } = tagChanges(desired.tags, observed.tags);
      if (set.length > 0) await amp.send(new TagResourceCommand({ resourceArn: observed.arn, tags: Object.fromEntries(set) }));
      return { ...observed, ...change, tags: { ...observed.tags, ...desired.tags } };
    },

    async delete({ name, owner }) {
      const found = await find(amp, name);
      if (found === undefined) return { state: "gone" };
      if (!isOurs(found.tags ?? {}, owner, config)) return { state: "foreign" };
      if (isLeaving(found)) return { state: "deleting" };
      const isGone = async (): Promise<boolean> => (await find(amp, name)) === undefined;
      await unlessGone(notBetween(amp.send(new DeleteRuleGroupsNamespaceCommand(namesOf(name)))), isGone);
      return (await isGone()) ? { state: "gone" } : { state: "deleting" };
    },
  };
}

/** What List tells of a namespace: all but its rules. */
export function summarisedRules({ arn = "", status, modifiedAt, tags = {} }: RuleGroupsNamespaceSummary): RulesNamespaceObserved {
  return { arn, ...statusOf(status), dataHash: undefined, modifiedAt: modifiedAt?.getTime(), tags };
}

/** What the read did not tell counts as equal. */
function differences(
  desired: RulesNamespaceDesired,
  { status, statusReason = "", dataHash, tags }: RulesNamespaceObserved,
): readonly Difference[] {
  return [
    ...(dataHash === undefined || dataHash === sha256Hex(desired.data)
      ? []
      : [{ field: "rules", observed: "others", desired: "those of spec.slos" }]),
    ...(status === "failed" ? [{ field: "status", observed: `failed: ${statusReason}`, desired: "active" }] : []),
    // What others add is left: these tags open nobody a door.
    ...tagDifferences(desired.tags, tags).filter(({ field }) => Object.keys(desired.tags).some((key) => field === `tags[${key}]`)),
  ];
}

async function put(amp: AmpClient, { name, data }: RulesNamespaceDesired): Promise<Written> {
  const { status } = await notBetween(amp.send(new PutRuleGroupsNamespaceCommand({ ...namesOf(name), data: bytesOf(data) })));
  return written(data, status);
}

type Written = Omit<RulesNamespaceObserved, "arn" | "tags">;

/** What is known of it right after a write. */
function written(data: string, status: RuleGroupsNamespaceStatus | undefined): Written {
  return { ...statusOf(status), dataHash: sha256Hex(data), modifiedAt: undefined };
}

function statusOf(status: RuleGroupsNamespaceStatus | undefined): Pick<RulesNamespaceObserved, "status" | "statusReason"> {
  const { statusCode, statusReason } = status ?? {};
  if (statusCode === "ACTIVE") return { status: statusCode, statusReason: undefined };
  const failed = statusCode === "CREATION_FAILED" || statusCode === "UPDATE_FAILED";
  return failed ? { status: "failed", statusReason: statusReason ?? "no reason given" } : { status: "underWay", statusReason: undefined };
}

function isLeaving({ status }: RuleGroupsNamespaceDescription): boolean {
  return status?.statusCode === "DELETING";
}

async function find(amp: AmpClient, name: string): Promise<RuleGroupsNamespaceDescription | undefined> {
  const answer = await whereClass("absent", amp.send(new DescribeRuleGroupsNamespaceCommand(namesOf(name))));
  return answer?.ruleGroupsNamespace;
}

/** Of one that exists a conflict means no more than that an earlier write is still under way. */
async function notBetween<T>(change: Promise<T>): Promise<T> {
  try {
    return await change;
  } catch (error) {
    if (!(error instanceof AwsError) || error.class !== "exists") throw error;
    throw busy(error.operation, error.message, error);
  }
}

function busy(operation: string, message: string, cause?: AwsError): AwsError {
  return new AwsError({ class: "busy", code: "Conflict", operation, message, cause });
}

function namesOf(whole: string): { readonly workspaceId: string; readonly name: string } {
  const slash = whole.indexOf("/");
  return { workspaceId: whole.slice(0, slash), name: whole.slice(slash + 1) };
}

function bytesOf(data: string): Uint8Array {
  return new TextEncoder().encode(data);
}

function hashOf(data: Uint8Array | undefined): string {
  return sha256Hex(new TextDecoder().decode(data));
}
