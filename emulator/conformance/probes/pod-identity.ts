/** EKS Pod Identity: associations. */
import assert from "node:assert/strict";
import {
  CreatePodIdentityAssociationCommand,
  DeletePodIdentityAssociationCommand,
  DescribeClusterCommand,
  DescribePodIdentityAssociationCommand,
  ListClustersCommand,
  ListPodIdentityAssociationsCommand,
  ListTagsForResourceCommand,
  paginateListPodIdentityAssociations,
  TagResourceCommand,
  UntagResourceCommand,
  UpdatePodIdentityAssociationCommand,
  type CreatePodIdentityAssociationCommandInput,
  type PodIdentityAssociation,
} from "@aws-sdk/client-eks";
import { podRole, SERVICE_TRUST } from "../fixtures.ts";
import { present, probesOf, refused, type Probe, type Target } from "../probe.ts";

type Input = CreatePodIdentityAssociationCommandInput;

async function input(target: Target, more: Partial<Input> = {}): Promise<Input> {
  const roleArn = more.roleArn ?? (await podRole(target));
  return { clusterName: target.cluster, namespace: "payments", serviceAccount: target.unique("sa"), ...more, roleArn };
}

async function create(target: Target, more: Partial<Input> = {}): Promise<PodIdentityAssociation> {
  const { association } = await target.eks.send(new CreatePodIdentityAssociationCommand(await input(target, more)));
  return present(association, "association");
}

async function describe(target: Target, associationId: string | undefined): Promise<PodIdentityAssociation> {
  const command = new DescribePodIdentityAssociationCommand({ clusterName: target.cluster, associationId });
  const { association } = await target.eks.send(command);
  return present(association, "association");
}

function idsOf(associations: readonly { readonly associationId?: string | undefined }[] | undefined): string[] {
  return (associations ?? []).map(({ associationId = "" }) => associationId).toSorted();
}

/** Some associations in a namespace of their own; their ids, sorted. */
async function several(target: Target, namespace: string, count: number): Promise<string[]> {
  const roleArn = await podRole(target);
  const made: PodIdentityAssociation[] = [];
  for (let index = 0; index < count; index += 1) made.push(await create(target, { namespace, roleArn }));
  return idsOf(made);
}

/** What is refused with this error when it is asked at creation. */
function refusesCreation(code: string, more: Partial<Input>, sentence?: RegExp): Probe["run"] {
  return async (target) => refused(code, create(target, more), sentence);
}

export const POD_IDENTITY_PROBES: readonly Probe[] = [
  ...probesOf("eks", "DescribeCluster", {
    "tells the cluster's ARN, state and issuer": async (target) => {
      const { cluster } = await target.eks.send(new DescribeClusterCommand({ name: target.cluster }));
      assert.equal(cluster?.arn, `arn:aws:eks:${target.region}:${target.accountId}:cluster/${target.cluster}`);
      assert.equal(cluster.status, "ACTIVE");
      assert.match(present(cluster.identity?.oidc?.issuer, "issuer"), /^https:\/\//);
    },
    "refuses a cluster that is not there": (target) =>
      refused(
        "ResourceNotFoundException",
        target.eks.send(new DescribeClusterCommand({ name: "missing" })),
        /No cluster found for name: missing/,
      ),
  }),
  ...probesOf("eks", "ListClusters", {
    "names the clusters": async (target) => {
      assert.deepEqual((await target.eks.send(new ListClustersCommand({}))).clusters, [target.cluster]);
    },
  }),
  ...probesOf("eks", "CreatePodIdentityAssociation", {
    "answers with ARN, id, times and what was asked": async (target) => {
      const wanted = await input(target, { tags: { owner: "us" } });
      const { association } = await target.eks.send(new CreatePodIdentityAssociationCommand(wanted));
      const { associationId, associationArn, createdAt, modifiedAt, ...rest } = present(association, "association");
      assert.match(present(associationId, "associationId"), /^a-[a-z0-9]{17}$/);
      const prefix = `arn:aws:eks:${target.region}:${target.accountId}:podidentityassociation/${target.cluster}/`;
      assert.equal(associationArn, prefix + present(associationId, "associationId"));
      assert.ok(createdAt instanceof Date && modifiedAt?.getTime() === createdAt.getTime());
      assert.deepEqual(rest, { ...wanted, disableSessionTags: false });
    },
    "refuses a second one of the same service account": async (target) => {
      const { namespace, serviceAccount, associationId } = await create(target);
      await refused(
        "ResourceInUseException",
        create(target, { namespace, serviceAccount }),
        new RegExp(`Association already exists: ${associationId ?? ""}`),
      );
    },
    "the same request again answers with the same association": async (target) => {
      const wanted = await input(target, { clientRequestToken: target.unique("token") });
      const first = await create(target, wanted);
      const second = await create(target, wanted);
      assert.deepEqual(second, first);
    },
    "refuses the same token for another role": async (target) => {
      const wanted = await input(target, { clientRequestToken: target.unique("token") });
      await create(target, wanted);
      await refused("ResourceInUseException", create(target, { ...wanted, roleArn: await podRole(target) }));
    },
    "of parallel creates one wins": async (target) => {
      const wanted = await input(target);
      const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => create(target, wanted)));
      const refusals = outcomes.flatMap((each) => (each.status === "rejected" && each.reason instanceof Error ? [each.reason.name] : []));
      assert.deepEqual(
        refusals,
        Array.from({ length: 7 }, () => "ResourceInUseException"),
      );
    },
    "refuses a cluster that is not there": refusesCreation("ResourceNotFoundException", { clusterName: "missing" }),
    "refuses a request without a namespace": refusesCreation("InvalidParameterException", { namespace: undefined }, /namespace/),
    "refuses what is no role's ARN": refusesCreation("InvalidParameterException", { roleArn: "tracking" }),
    "refuses a role that is not there": async (target) => {
      const roleArn = `arn:aws:iam::${target.accountId}:role/${target.unique("missing")}`;
      await refused("InvalidParameterException", create(target, { roleArn }), /Role provided in the request does not exist/);
    },
    "refuses a role that does not trust EKS Pod Identity": async (target) => {
      await refused(
        "InvalidParameterException",
        create(target, { roleArn: await podRole(target, SERVICE_TRUST) }),
        /Trust policy of the role provided is invalid/,
      );
    },
    "refuses another account's role": refusesCreation("AccessDeniedException", { roleArn: "arn:aws:iam::999988887777:role/theirs" }),
    "refuses tags of AWS's": refusesCreation("InvalidParameterException", { tags: { "aws:owner": "us" } }),
    "refuses a tag key that is too long": refusesCreation("InvalidParameterException", { tags: { ["k".repeat(129)]: "v" } }),
    "refuses a policy while session tags are on": refusesCreation(
      "InvalidParameterException",
      { policy: JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:GetObject", Resource: "*" }] }) },
      /disableSessionTags/,
    ),
  }),
  ...probesOf("eks", "DescribePodIdentityAssociation", {
    "tells what a list leaves out": async (target) => {
      const made = await create(target, { tags: { owner: "us" } });
      assert.deepEqual(await describe(target, made.associationId), made);
    },
    "refuses an id that is not there": (target) => refused("ResourceNotFoundException", describe(target, "a-missing0000000000")),
    "refuses a cluster that is not there": async (target) => {
      const { associationId } = await create(target);
      const command = new DescribePodIdentityAssociationCommand({ clusterName: "missing", associationId });
      await refused("ResourceNotFoundException", target.eks.send(command));
    },
  }),
  ...probesOf("eks", "ListPodIdentityAssociations", {
    "leaves out role, times and tags": async (target) => {
      const { associationId, associationArn, clusterName, namespace, serviceAccount } = await create(target, { tags: { owner: "us" } });
      const command = new ListPodIdentityAssociationsCommand({ clusterName, namespace, serviceAccount });
      const { associations } = await target.eks.send(command);
      assert.deepEqual(associations, [{ associationId, associationArn, clusterName, namespace, serviceAccount }]);
    },
    "filters by namespace and by service account": async (target) => {
      const namespace = target.unique("namespace");
      const ids = await several(target, namespace, 2);
      const { serviceAccount } = await describe(target, ids[0]);
      const list = async (filter: object): Promise<string[]> => {
        const command = new ListPodIdentityAssociationsCommand({ clusterName: target.cluster, ...filter });
        return idsOf((await target.eks.send(command)).associations);
      };
      assert.deepEqual(await list({ namespace }), ids);
      assert.deepEqual(await list({ serviceAccount }), [ids[0]]);
      assert.deepEqual(await list({ namespace: "elsewhere", serviceAccount }), []);
    },
    "pages as it is asked to, and loses nothing": async (target) => {
      const namespace = target.unique("namespace");
      const ids = await several(target, namespace, 5);
      const pages: string[][] = [];
      const request = { clusterName: target.cluster, namespace };
      for await (const { associations } of paginateListPodIdentityAssociations({ client: target.eks, pageSize: 2 }, request)) {
        pages.push(idsOf(associations));
      }
      assert.deepEqual(
        pages.map(({ length }) => length),
        [2, 2, 1],
      );
      assert.deepEqual(pages.flat().toSorted(), ids);
    },
    "refuses a token that is none": (target) =>
      refused(
        "InvalidParameterException",
        target.eks.send(new ListPodIdentityAssociationsCommand({ clusterName: target.cluster, nextToken: "made-up" })),
      ),
    "refuses pages of more than 100": (target) =>
      refused(
        "InvalidParameterException",
        target.eks.send(new ListPodIdentityAssociationsCommand({ clusterName: target.cluster, maxResults: 101 })),
        /maxResults/,
      ),
    "refuses a cluster that is not there": (target) =>
      refused("ResourceNotFoundException", target.eks.send(new ListPodIdentityAssociationsCommand({ clusterName: "missing" }))),
  }),
  ...probesOf("eks", "UpdatePodIdentityAssociation", {
    "changes the role and nothing else": async (target) => {
      const made = await create(target, { tags: { owner: "us" } });
      const roleArn = await podRole(target);
      const command = new UpdatePodIdentityAssociationCommand({ clusterName: target.cluster, associationId: made.associationId, roleArn });
      const { association } = await target.eks.send(command);
      const { modifiedAt, ...rest } = present(association, "association");
      const { modifiedAt: before, ...kept } = made;
      assert.deepEqual(rest, { ...kept, roleArn });
      assert.ok(present(modifiedAt, "modifiedAt") >= present(before, "modifiedAt"));
      assert.deepEqual(await describe(target, made.associationId), association);
    },
    "refuses a role that is not there": async (target) => {
      const { associationId } = await create(target);
      const roleArn = `arn:aws:iam::${target.accountId}:role/${target.unique("missing")}`;
      const command = new UpdatePodIdentityAssociationCommand({ clusterName: target.cluster, associationId, roleArn });
      await refused("InvalidParameterException", target.eks.send(command));
    },
    "refuses an id that is not there": (target) => {
      const command = new UpdatePodIdentityAssociationCommand({ clusterName: target.cluster, associationId: "a-missing0000000000" });
      return refused("ResourceNotFoundException", target.eks.send(command));
    },
  }),
  ...probesOf("eks", "DeletePodIdentityAssociation", {
    "answers with what it was, and frees the name": async (target) => {
      const made = await create(target);
      const remove = new DeletePodIdentityAssociationCommand({ clusterName: target.cluster, associationId: made.associationId });
      assert.deepEqual((await target.eks.send(remove)).association, made);
      await refused("ResourceNotFoundException", target.eks.send(remove));
      const again = await create(target, { namespace: made.namespace, serviceAccount: made.serviceAccount });
      assert.notEqual(again.associationId, made.associationId);
    },
  }),
  ...probesOf("eks", "TagResource", {
    "adds and changes tags": async (target) => {
      const { associationArn: resourceArn, associationId } = await create(target, { tags: { a: "1", b: "1" } });
      await target.eks.send(new TagResourceCommand({ resourceArn, tags: { b: "2", c: "3" } }));
      const { tags } = await target.eks.send(new ListTagsForResourceCommand({ resourceArn }));
      assert.deepEqual(tags, { a: "1", b: "2", c: "3" });
      assert.deepEqual((await describe(target, associationId)).tags, tags);
    },
    "refuses a resource that is not there": async (target) => {
      const { associationArn = "" } = await create(target);
      const resourceArn = associationArn.replace(/a-.*$/, "a-missing0000000000");
      await refused("NotFoundException", target.eks.send(new TagResourceCommand({ resourceArn, tags: { a: "1" } })));
    },
    "refuses what is no ARN": (target) =>
      refused("BadRequestException", target.eks.send(new TagResourceCommand({ resourceArn: "nothing", tags: { a: "1" } }))),
  }),
  ...probesOf("eks", "UntagResource", {
    "takes away several at once, and minds none that is not there": async (target) => {
      const { associationArn: resourceArn } = await create(target, { tags: { a: "1", b: "2", c: "3" } });
      await target.eks.send(new UntagResourceCommand({ resourceArn, tagKeys: ["a", "c", "z"] }));
      assert.deepEqual((await target.eks.send(new ListTagsForResourceCommand({ resourceArn }))).tags, { b: "2" });
    },
  }),
  ...probesOf("eks", "ListTagsForResource", {
    "refuses a resource that is not there": async (target) => {
      const { associationArn = "" } = await create(target);
      const resourceArn = associationArn.replace(/a-.*$/, "a-missing0000000000");
      await refused("NotFoundException", target.eks.send(new ListTagsForResourceCommand({ resourceArn })));
    },
  }),
];
