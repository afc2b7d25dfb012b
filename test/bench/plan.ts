import type { EmulatorAdmin } from "../../emulator/admin-client.ts";
import type { MeshObjectRecord, RepositoryRecord, RoleRecord, Tags } from "../../emulator/records.ts";
import { KEPT_TAG_PREFIX } from "../../src/crds/aws-names.ts";
import { AWS_TAGS, keyString, LABELS } from "../../src/crds/meta.ts";
import { apiVersionOf, type ResourceType } from "../../src/kube/kinds.ts";
import { isJsonObject, type JsonObject, type LiveObject } from "../../src/kube/objects.ts";
import { ownedProjection } from "../../src/kube/owned-fields.ts";
import { CHILD_KINDS } from "../support/child-kinds.ts";
import type { Stage } from "./stage.ts";

/** What an operator has written, as somebody would write it who knows it beforehand: the floor's work. */

export interface KubeWrite {
  readonly resource: ResourceType;
  /** As it is applied. */
  readonly object: JsonObject;
  readonly namespace: string;
  readonly name: string;
}

/** One call: the operation and its input, as the SDK names them. */
export interface AwsWrite {
  readonly operation: string;
  readonly input: object;
}

/** All that one service has, in the order of the operator's steps. */
export interface Job {
  readonly aws: readonly AwsWrite[];
  readonly kube: readonly KubeWrite[];
}

export async function planOf(stage: Stage): Promise<readonly Job[]> {
  const kube = await kubeWrites(stage);
  const aws = await awsWrites(stage.aws);
  const services = new Set([...kube.keys(), ...aws.keys()]);
  return [...services].map((service) => ({ aws: aws.get(service) ?? [], kube: kube.get(service) ?? [] }));
}

async function kubeWrites({ transport }: Stage): Promise<ReadonlyMap<string, readonly KubeWrite[]>> {
  const writes = new Map<string, KubeWrite[]>();
  for (const resource of CHILD_KINDS) {
    const { items } = await transport.list(resource, { labelSelector: LABELS.service });
    for (const item of items) {
      const { namespace = "", name, labels = {} } = item.metadata;
      const object = asApplied(resource, item);
      if (object !== undefined)
        add(writes, keyString({ namespace, name: labels[LABELS.service] ?? "" }), { resource, object, namespace, name });
    }
  }
  return writes;
}

/** Undefined: none of ours. */
function asApplied(resource: ResourceType, live: LiveObject): JsonObject | undefined {
  const owned = ownedProjection(live);
  if (owned === undefined) return undefined;
  const { metadata, ...rest } = owned;
  const { namespace, name } = live.metadata;
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    metadata: { ...(isJsonObject(metadata) && metadata), namespace, name },
    ...rest,
  };
}

async function awsWrites(aws: EmulatorAdmin): Promise<ReadonlyMap<string, readonly AwsWrite[]>> {
  const state = await aws.state();
  const writes = new Map<string, AwsWrite[]>();
  for (const [, role] of state.roles) addAll(writes, role.tags, roleWrites(role));
  for (const [, { clusterName, namespace, serviceAccount, roleArn, tags }] of state.podIdentityAssociations) {
    const input = { clusterName, namespace, serviceAccount, roleArn, tags };
    addAll(writes, tags, [{ operation: "CreatePodIdentityAssociation", input }]);
  }
  for (const [, repository] of state.repositories) addAll(writes, repository.tags, repositoryWrites(repository));
  const meshObjects = state.meshObjects.map(([, object]) => object);
  for (const kind of MESH_KINDS)
    for (const object of meshObjects.filter((one) => one.kind === kind)) addAll(writes, object.tags, [meshWrite(object)]);
  return writes;
}

function roleWrites(role: RoleRecord): readonly AwsWrite[] {
  const { roleName: RoleName, path: Path, trustPolicy, description, maxSessionDuration, permissionsBoundary, tags } = role;
  const input = {
    RoleName,
    Path,
    AssumeRolePolicyDocument: trustPolicy,
    Description: description,
    MaxSessionDuration: maxSessionDuration,
    PermissionsBoundary: permissionsBoundary,
    Tags: listed(tags),
  };
  return [
    { operation: "CreateRole", input },
    ...Object.entries(role.inlinePolicies).map(([PolicyName, PolicyDocument]) => ({
      operation: "PutRolePolicy",
      input: { RoleName, PolicyName, PolicyDocument },
    })),
  ];
}

function repositoryWrites({ name: repositoryName, mutability, tags, lifecyclePolicy, images }: RepositoryRecord): readonly AwsWrite[] {
  const creation = { repositoryName, imageTagMutability: mutability, tags: listed(tags) };
  const kept = Object.values(images).flatMap(({ tags: of, digest, manifest, mediaType }) =>
    of.filter((tag) => tag.startsWith(KEPT_TAG_PREFIX)).map((imageTag) => ({ imageTag, digest, manifest, mediaType })),
  );
  return [
    { operation: "CreateRepository", input: creation },
    ...(lifecyclePolicy === undefined
      ? []
      : [{ operation: "PutLifecyclePolicy", input: { repositoryName, lifecyclePolicyText: lifecyclePolicy } }]),
    ...kept.map(({ imageTag, digest, manifest, mediaType }) => ({
      operation: "PutImage",
      input: { repositoryName, imageTag, imageDigest: digest, imageManifest: manifest, imageManifestMediaType: mediaType },
    })),
  ];
}

/** In the order in which each may name those before it. */
const MESH_KINDS = ["virtualNode", "virtualRouter", "route", "virtualService"] as const;

function meshWrite({ kind, names, spec, tags }: MeshObjectRecord): AwsWrite {
  const operation = `Create${kind.charAt(0).toUpperCase()}${kind.slice(1)}`;
  return { operation, input: { ...names, spec, tags: Object.entries(tags).map(([key, value]) => ({ key, value })) } };
}

function listed(tags: Tags): readonly { readonly Key: string; readonly Value: string }[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

function addAll(writes: Map<string, AwsWrite[]>, tags: Tags, all: readonly AwsWrite[]): void {
  const { [AWS_TAGS.namespace]: namespace, [AWS_TAGS.name]: name } = tags;
  if (namespace === undefined || name === undefined) return;
  for (const one of all) add(writes, keyString({ namespace, name }), one);
}

function add<Write>(writes: Map<string, Write[]>, service: string, write: Write): void {
  const known = writes.get(service);
  if (known === undefined) writes.set(service, [write]);
  else known.push(write);
}
