import type {
  CreatePodIdentityAssociationRequest,
  CreatePodIdentityAssociationResponse,
  DeletePodIdentityAssociationRequest,
  DeletePodIdentityAssociationResponse,
  DescribePodIdentityAssociationRequest,
  DescribePodIdentityAssociationResponse,
  ListPodIdentityAssociationsRequest,
  ListPodIdentityAssociationsResponse,
  PodIdentityAssociation,
  PodIdentityAssociationSummary,
  UpdatePodIdentityAssociationRequest,
  UpdatePodIdentityAssociationResponse,
} from "@aws-sdk/client-eks";
import { parseIdentityPolicy } from "../../authorization/grammar.ts";
import { PolicySyntaxError } from "../../authorization/policy-document.ts";
import { badRequest } from "../../errors.ts";
import { isRepeated, REPEATED, requestRecord } from "../../idempotency.ts";
import { read, write, type Call, type Operation } from "../../operation.ts";
import type { PodIdentityAssociationRecord } from "../../records.ts";
import type { Store } from "../../state.ts";
import { checkRole, passRole } from "./associated-role.ts";
import { eksFault } from "./schema.ts";
import {
  associationArn,
  associationKey,
  eksPage,
  findAssociation,
  findCluster,
  onAssociation,
  onCluster,
  putAssociation,
} from "./shared.ts";
import { mergeTags } from "./tags.ts";

/** A list's entry: without role, times and tags. */
function summarise(association: PodIdentityAssociationRecord): PodIdentityAssociationSummary {
  const { clusterName, namespace, serviceAccount, arn, id, ownerArn } = association;
  return { clusterName, namespace, serviceAccount, associationArn: arn, associationId: id, ownerArn };
}

function describe(association: PodIdentityAssociationRecord): PodIdentityAssociation {
  const { roleArn, tags, createdAt, modifiedAt, disableSessionTags, policy } = association;
  const times = { createdAt: new Date(createdAt), modifiedAt: new Date(modifiedAt) };
  return { ...summarise(association), roleArn, tags, ...times, disableSessionTags, policy };
}

interface Session {
  readonly roleArn: string;
  readonly disableSessionTags: boolean;
  readonly policy: string | undefined;
}

/** What EKS refuses of how pods get their sessions. */
function checkSession({ roleArn, disableSessionTags, policy }: Session, call: Call): void {
  checkRole(roleArn, disableSessionTags ? ["sts:AssumeRole"] : ["sts:AssumeRole", "sts:TagSession"], call);
  if (policy === undefined) return;
  if (!disableSessionTags) throw eksFault("InvalidParameterException", "disableSessionTags must be true when policy is given");
  try {
    parseIdentityPolicy(policy);
  } catch (error) {
    if (error instanceof PolicySyntaxError) throw eksFault("InvalidParameterException", `policy: ${error.message}`);
    throw error;
  }
}

function refuseTargetRole(targetRoleArn: string | undefined): void {
  if (targetRoleArn !== undefined) throw badRequest("NotImplemented", "This emulator does not have targetRoleArn");
}

const ASSOCIATION_ID = /\ba-[0-9a-z]{17}\b/;

/** Namespace and ServiceAccount of an association that the text names by its id. */
export function whoseAssociation(text: string, { podIdentityAssociations }: Store): string | undefined {
  const id = ASSOCIATION_ID.exec(text)?.[0];
  if (id === undefined) return undefined;
  const found = [...podIdentityAssociations.committed()].find((association) => association.id === id);
  return found && `${found.namespace}/${found.serviceAccount}`;
}

function newId(call: Call): string {
  return `a-${[...call.randomBytes(17)].map((byte) => (byte % 36).toString(36)).join("")}`;
}

/** Throws InvalidRequestException for an association of an add-on, unless the switch lets it be. */
function checkOwner({ id, ownerArn }: PodIdentityAssociationRecord, { switches }: Call): void {
  if (ownerArn === undefined || switches.ownedAssociation === "accept") return;
  throw eksFault("InvalidRequestException", `Association ${id} is owned by ${ownerArn}; change it with the add-on`);
}

const createAssociation = write<CreatePodIdentityAssociationRequest, CreatePodIdentityAssociationResponse>("CreatePodIdentityAssociation", {
  permissions({ clusterName, roleArn, tags = {} }, call) {
    const create = { ...onCluster("CreatePodIdentityAssociation", clusterName, call), requestTags: tags };
    // Not documented: EKS asks for eks:TagResource when a request has tags; the association has no id yet
    const tagging = { action: "eks:TagResource", resource: associationArn(call, clusterName, "*"), requestTags: tags };
    return [create, ...(Object.keys(tags).length > 0 ? [tagging] : []), passRole(roleArn, call)];
  },
  handle(request, call) {
    const { clusterName, namespace, serviceAccount, roleArn, disableSessionTags = false, policy, targetRoleArn } = request;
    findCluster(clusterName, call);
    refuseTargetRole(targetRoleArn);
    const madeBy = requestRecord(request, "clientRequestToken");
    const others = [...call.store.podIdentityAssociations.committed()].filter((each) => each.clusterName === clusterName);
    const repeated = others.find((each) => isRepeated(each.madeBy, madeBy));
    if (repeated !== undefined) {
      call.note(REPEATED, "true");
      return { association: describe(repeated) };
    }
    const taken = others.find((each) => each.namespace === namespace && each.serviceAccount === serviceAccount);
    if (taken !== undefined) throw eksFault("ResourceInUseException", `Association already exists: ${taken.id}`);
    checkSession({ roleArn, disableSessionTags, policy }, call);
    const tags = mergeTags({}, request.tags ?? {}, call);
    const limit = call.quotas.podIdentityAssociationsPerCluster;
    if (others.length >= limit) {
      throw eksFault("ResourceLimitExceededException", `Cluster ${clusterName} has ${limit} associations, which is the limit`);
    }
    const id = newId(call);
    const association: PodIdentityAssociationRecord = {
      id,
      arn: associationArn(call, clusterName, id),
      clusterName,
      namespace,
      serviceAccount,
      roleArn,
      disableSessionTags,
      policy,
      tags,
      createdAt: call.now,
      modifiedAt: call.now,
      madeBy,
    };
    putAssociation(association, call);
    return { association: describe(association) };
  },
});

const describeAssociation = read<DescribePodIdentityAssociationRequest, DescribePodIdentityAssociationResponse>(
  "DescribePodIdentityAssociation",
  {
    permissions: (request, call) => [onAssociation("DescribePodIdentityAssociation", request, call)],
    handle: (request, call) => ({ association: describe(findAssociation(request, call)) }),
  },
);

const listAssociations = read<ListPodIdentityAssociationsRequest, ListPodIdentityAssociationsResponse>("ListPodIdentityAssociations", {
  permissions: ({ clusterName }, call) => [onCluster("ListPodIdentityAssociations", clusterName, call)],
  handle(request, call) {
    const { clusterName, namespace, serviceAccount } = request;
    findCluster(clusterName, call);
    const wanted = call.store.podIdentityAssociations
      .entries()
      .filter(
        ([, each]) =>
          each.clusterName === clusterName &&
          each.namespace === (namespace ?? each.namespace) &&
          each.serviceAccount === (serviceAccount ?? each.serviceAccount),
      );
    const { items, nextToken } = eksPage(wanted, request, call);
    return { associations: items.map(summarise), nextToken };
  },
});

const updateAssociation = write<UpdatePodIdentityAssociationRequest, UpdatePodIdentityAssociationResponse>("UpdatePodIdentityAssociation", {
  permissions(request, call) {
    const update = onAssociation("UpdatePodIdentityAssociation", request, call);
    return request.roleArn === undefined ? [update] : [update, passRole(request.roleArn, call)];
  },
  handle(request, call) {
    const association = findAssociation(request, call);
    refuseTargetRole(request.targetRoleArn);
    checkOwner(association, call);
    const { roleArn = association.roleArn, disableSessionTags = association.disableSessionTags, policy = association.policy } = request;
    checkSession({ roleArn, disableSessionTags, policy }, call);
    const updated = { ...association, roleArn, disableSessionTags, policy, modifiedAt: call.now };
    putAssociation(updated, call);
    return { association: describe(updated) };
  },
});

const deleteAssociation = write<DeletePodIdentityAssociationRequest, DeletePodIdentityAssociationResponse>("DeletePodIdentityAssociation", {
  permissions: (request, call) => [onAssociation("DeletePodIdentityAssociation", request, call)],
  handle(request, call) {
    const association = findAssociation(request, call);
    checkOwner(association, call);
    call.store.podIdentityAssociations.delete(associationKey(association.clusterName, association.id));
    return { association: describe(association) };
  },
});

export const POD_IDENTITY_OPERATIONS: readonly Operation[] = [
  createAssociation,
  describeAssociation,
  listAssociations,
  updateAssociation,
  deleteAssociation,
];
