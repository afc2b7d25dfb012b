import type { Neighbour, NodePoolState, ServiceState } from "../crds/desired.ts";
import type { IdentityMode } from "../crds/effective.ts";
import type { ObjectKey } from "../crds/meta.ts";
import type { Mesh } from "./mesh/mesh.ts";

/** What policies are made from, beside the service: how the others of the cluster look now. */
export interface NetworkFacts {
  /** Undefined: there is no such PlatformService. */
  neighbour(key: ObjectKey): Neighbour | undefined;
  /** Undefined: there is no such Service. */
  kubernetesService(key: ObjectKey): ServiceState | undefined;
  /** How pods of the service get, or may yet be given, credentials; default: as it is written now. */
  readonly identityModes?: readonly IdentityMode[];
  /** Meshes that pods of the service are in, or may yet be; default: the one that is written now. */
  readonly meshes?: readonly Mesh[];
  /** Ports at which the kubelet asks its pods, as templates and pods show them; default: none but those of the service's file. */
  readonly probedPorts?: readonly number[];
}

/** NodePools of the cluster by name. */
export type NodePools = ReadonlyMap<string, NodePoolState>;

/** What a workload that a squad brings is given, beside the service: what earlier steps found. */
export interface HoldFacts {
  readonly roleArn: string;
  /** A dedicated tier's pods tolerate the taints of its pools. */
  readonly nodePools: NodePools;
  /** How often the certificate of the mesh has been issued; undefined: the mesh has none. */
  readonly certificateRevision?: number | undefined;
}

/** What a workload is made from, beside the service. */
export interface WorkloadFacts extends HoldFacts {
  /** `repository@sha256:…`. */
  readonly image: string;
  /** Of the image: Kubernetes names, as amd64. */
  readonly architectures: readonly string[];
}
