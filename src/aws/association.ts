import {
  CreatePodIdentityAssociationCommand,
  DeletePodIdentityAssociationCommand,
  DescribePodIdentityAssociationCommand,
  ListPodIdentityAssociationsCommand,
  TagResourceCommand,
  UpdatePodIdentityAssociationCommand,
  type EKSClient,
  type PodIdentityAssociation,
  type PodIdentityAssociationSummary,
} from "@aws-sdk/client-eks";
import { describeOwner } from "../crds/aws-names.ts";
import type { AssociationDesired, Difference } from "../crds/desired.ts";
import type { ObjectKey } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { AwsError, type AssociationObserved, type AwsErrorClass, type ExternalResource } from "../reconcilers/ports.ts";
import { unlessGone, whereClass } from "./expected.ts";
import { assertOurs, isOurs, tagChanges, tagDifferences, type Tags } from "./ownership.ts";

/** EKS Pod Identity's associations. A session policy or a target role that somebody gave one stays a difference that `update` leaves: EKS does not say how to take it off. */
export function associationResource(eks: EKSClient, config: OperatorConfig): ExternalResource<AssociationDesired, AssociationObserved> {
  const clusterName = config.cluster.name;
  return {
    group: "eks.aws",
    kind: "PodIdentityAssociation",

    async observe({ name, owner }, told) {
      const found = told === undefined ? await find(eks, clusterName, name) : await described(eks, { clusterName, associationId: told.id });
      if (found === undefined) return { state: "absent" };
      const other = otherOwner(found, owner, config);
      return other === undefined ? { state: "present", observed: observedAssociation(found) } : { state: "foreign", owner: other };
    },

    differences,

    async create({ name, roleArn, tags }) {
      // The SDK gives each request a token of its own, so that its retries make one association.
      const creation = eks.send(new CreatePodIdentityAssociationCommand({ clusterName, ...accountOf(name), roleArn, tags }));
      const { association = {} } = await asCreation(creation);
      return observedAssociation({ ...association, tags });
    },

    async update(desired, observed, found) {
      const tags = observed.tags ?? {};
      assertOurs(tags, { ...desired, operation: "eks:UpdatePodIdentityAssociation" }, config);
      const differs = new Set(found.map(({ field }) => field));
      if (differs.has("policy") || differs.has("targetRoleArn")) return observed;
      const { roleArn } = desired;
      const { arn: resourceArn, id: associationId } = observed;
      if (differs.has("roleArn") || differs.has("sessionTags")) {
        await eks.send(new UpdatePodIdentityAssociationCommand({ clusterName, associationId, roleArn, disableSessionTags: false }));
      }
      const { set } = tagChanges(desired.tags, tags);
      if (set.length > 0) await eks.send(new TagResourceCommand({ resourceArn, tags: Object.fromEntries(set) }));
      return { ...observed, roleArn, sessionTags: true, tags: { ...tags, ...desired.tags } };
    },

    async delete({ name, owner }) {
      const found = await find(eks, clusterName, name);
      if (found === undefined) return { state: "gone" };
      if (otherOwner(found, owner, config) !== undefined) return { state: "foreign" };
      const deletion = eks.send(new DeletePodIdentityAssociationCommand({ clusterName, associationId: found.associationId }));
      await unlessGone(deletion, async () => (await find(eks, clusterName, name)) === undefined);
      return { state: "gone" };
    },
  };
}

/** Undefined: there is no such association any more. */
export async function associationTags(
  eks: EKSClient,
  id: { readonly clusterName: string; readonly associationId: string },
): Promise<Tags | undefined> {
  const association = await described(eks, id);
  return association && (association.tags ?? {});
}

/** What List tells of an association: neither role nor tags. */
export function summarised(summary: PodIdentityAssociationSummary): AssociationObserved {
  return {
    arn: summary.associationArn ?? "",
    id: summary.associationId ?? "",
    roleArn: undefined,
    sessionTags: undefined,
    policy: undefined,
    targetRoleArn: undefined,
    tags: undefined,
  };
}

/** Its name here: the ServiceAccount. */
export function associatedWith({ namespace = "", serviceAccount = "" }: PodIdentityAssociationSummary): string {
  return `${namespace}/${serviceAccount}`;
}

function observedAssociation(association: PodIdentityAssociation): AssociationObserved {
  return {
    ...summarised(association),
    roleArn: association.roleArn ?? "",
    sessionTags: association.disableSessionTags !== true,
    policy: association.policy ?? null,
    targetRoleArn: association.targetRoleArn ?? null,
    tags: association.tags ?? {},
  };
}

/** What the read did not tell counts as equal. */
function differences(desired: AssociationDesired, observed: AssociationObserved): readonly Difference[] {
  const { roleArn = desired.roleArn, sessionTags = true, policy = null, targetRoleArn = null, tags = desired.tags } = observed;
  return [
    ...(roleArn === desired.roleArn ? [] : [{ field: "roleArn", observed: roleArn, desired: desired.roleArn }]),
    // Without them the role's trust policy admits nobody.
    ...(sessionTags ? [] : [{ field: "sessionTags", observed: "disabled", desired: "given" }]),
    ...(policy === null ? [] : [{ field: "policy", observed: "present", desired: "none" }]),
    ...(targetRoleArn === null ? [] : [{ field: "targetRoleArn", observed: targetRoleArn, desired: "none" }]),
    // What others add is left: unlike a role's, these tags open nobody a door.
    ...tagDifferences(desired.tags, tags).filter(({ field }) => Object.keys(desired.tags).some((key) => field === `tags[${key}]`)),
  ];
}

/** Whose it is where it is not the service's, in words. */
function otherOwner({ ownerArn, tags = {} }: PodIdentityAssociation, owner: ObjectKey, config: OperatorConfig): string | undefined {
  if (ownerArn !== undefined) return `it belongs to the add-on ${ownerArn}`;
  return isOurs(tags, owner, config) ? undefined : describeOwner(tags);
}

async function find(eks: EKSClient, clusterName: string, name: string): Promise<PodIdentityAssociation | undefined> {
  const { associations = [] } = await eks.send(new ListPodIdentityAssociationsCommand({ clusterName, ...accountOf(name) }));
  const [summary] = associations;
  if (summary === undefined) return undefined;
  return described(eks, { clusterName, associationId: summary.associationId });
}

async function described(
  eks: EKSClient,
  id: { readonly clusterName: string; readonly associationId: string | undefined },
): Promise<PodIdentityAssociation | undefined> {
  return (await whereClass("absent", eks.send(new DescribePodIdentityAssociationCommand(id))))?.association;
}

function accountOf(name: string): { readonly namespace: string; readonly serviceAccount: string } {
  const slash = name.indexOf("/");
  return { namespace: name.slice(0, slash), serviceAccount: name.slice(slash + 1) };
}

/**
 * EKS has names of its own for what may happen: one that exists is in use; and a role that was made, or whose trust policy was written, a moment ago is
 * an invalid parameter, which heals by itself.
 */
async function asCreation<T>(creation: Promise<T>): Promise<T> {
  try {
    return await creation;
  } catch (error) {
    const meaning = error instanceof AwsError ? MEANINGS.get(error.code) : undefined;
    if (!(error instanceof AwsError) || meaning === undefined) throw error;
    const { code, operation, message } = error;
    throw new AwsError({ class: meaning, code, operation, message, cause: error });
  }
}

const MEANINGS: ReadonlyMap<string, AwsErrorClass> = new Map([
  ["ResourceInUse", "exists"],
  ["InvalidParameter", "busy"],
]);
