import { partitionOf } from "../../crds/aws-names.ts";
import { appMeshOf } from "../../crds/effective.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";

/** Names of what a service has in App Mesh. A mesh belongs to a region of an account, and clusters may share it. */

/** Of pods in App Mesh, and of no others: where Istio is too, its injector and its nodes leave them alone, whatever the namespace's labels say. */
export const MESH_POD_LABELS = { "sidecar.istio.io/inject": "false", "istio.io/dataplane-mode": "none" } as const;

/** `<cluster>_<namespace>_<name>`, also of the VirtualRouter: neither a namespace nor a service's name holds an underscore, so no two collide. */
export function virtualNodeName(key: ObjectKey, { cluster }: OperatorConfig): string {
  return `${cluster.name}_${key.namespace}_${key.name}`;
}

/** The mesh's ARN; those of its objects go on from it. */
export function meshArn(config: OperatorConfig): string {
  const { region, accountId } = config.cluster;
  return `arn:${partitionOf(region).partition}:appmesh:${region}:${accountId}:mesh/${appMeshOf(config).meshName}`;
}

/** The ARN that the VirtualNode has, known before it exists. */
export function virtualNodeArn(key: ObjectKey, config: OperatorConfig): string {
  return `${meshArn(config)}/virtualNode/${virtualNodeName(key, config)}`;
}

/** The part of its ARN that Envoy is told: the mesh, and the VirtualNode that it is a proxy of. */
export function virtualNodePath(key: ObjectKey, config: OperatorConfig): string {
  return `mesh/${appMeshOf(config).meshName}/virtualNode/${virtualNodeName(key, config)}`;
}
