/** Names that others see: API group, labels, annotations, finalizers, field manager. Each is declared once, here. */

export const GROUP = "platform-operator.dev";
export const VERSION = "v1alpha1";
export const API_VERSION = `${GROUP}/${VERSION}`;

/** The field manager of every server-side apply, and the user agent's first word. */
export const FIELD_MANAGER = "platform-operator";
/** Of the one patch that clears an object before it is adopted: never of what is kept, so that what it leaves behind counts as somebody's addition. */
export const ADOPTION_MANAGER = `${FIELD_MANAGER}-adoption`;

/** Holds a PlatformService until every external delete has answered *gone*. */
export const SERVICE_FINALIZER = `${GROUP}/cleanup`;
/** Holds a PlatformTier while a service names it. */
export const TIER_FINALIZER = `${GROUP}/in-use`;

export const LABELS = {
  /** Well-known; the service's name. */
  name: "app.kubernetes.io/name",
  /** Well-known; always `platform-operator`. What the child watches select on. */
  managedBy: "app.kubernetes.io/managed-by",
  /** The PlatformService that a child belongs to; pods are selected by it. */
  service: `${GROUP}/service`,
  owner: `${GROUP}/owner`,
  tier: `${GROUP}/tier`,
} as const;

export const MANAGED_BY = "platform-operator";

export const ANNOTATIONS = {
  /** On a Lease of the operator's: the replica that its holder is asked to hand it over to. */
  wantedBy: `${GROUP}/wanted-by`,
  /** On a PlatformService: an RFC 3339 time before which nothing is written for it. */
  pausedUntil: `${GROUP}/paused-until`,
  /** On a PlatformService: any new value asks for a pass now that reads AWS afresh. */
  reconcileAt: `${GROUP}/reconcile-at`,
  /** On a PlatformService that is being deleted: what in AWS is left behind, since it can be reached no more; set by the platform team alone. */
  abandon: `${GROUP}/abandon`,
  /** On a Deployment: hash of the service's spec that its pod template was made from. */
  appliedSpec: `${GROUP}/applied-spec`,
  /** On a Deployment: hash of the pod template as last written; tells drift from a changed wish. */
  appliedTemplate: `${GROUP}/applied-template`,
  /** On a Deployment: `true` where its pod template last changed for a reason outside the service's spec; paces rollouts over a restart. */
  pacedRollout: `${GROUP}/paced-rollout`,
  /** On a pod template: hash of (identity mode, role ARN); pods get their identity at creation. */
  identity: `${GROUP}/identity`,
  /** On a pod template in App Mesh: which issue of its certificate the pods have; Envoy reads the file once. */
  meshCertificate: `${GROUP}/mesh-certificate`,
  /** On a ServiceAccount: `true` while the service may have something in App Mesh, `leaving` once no pod of it is there any more. */
  appMesh: `${GROUP}/app-mesh`,
  /** On a ServiceAccount: the modes (IRSA, PodIdentity) that bind it to the role, with commas; absent: IRSA alone. */
  boundBy: `${GROUP}/bound-by`,
  /** On a Deployment or Rollout that a squad brings (`spec.workloadRef`): name of the PlatformService that may write into its pod template. */
  managedBy: `${GROUP}/managed-by`,
  /** On an object that exists where a PlatformService of its namespace wants a child of that name: name of the service that is to take it over. */
  adoptBy: `${GROUP}/adopt-by`,
} as const;

/**
 * The field manager of what a service sets in a workload that it does not own: one a service, so that taking it back touches nobody else's, and the object
 * itself says who holds it.
 */
export function holdManager(service: string): string {
  return `${FIELD_MANAGER}/${service}`;
}

/** The service whose field manager this is; undefined: it is none of ours. */
export function holderOf(manager: string): string | undefined {
  return manager.startsWith(`${FIELD_MANAGER}/`) ? manager.slice(FIELD_MANAGER.length + 1) : undefined;
}

/** Tag keys of an AWS object of ours; all three equal means ours (api.md, Ownership). */
export const AWS_TAGS = {
  cluster: `${GROUP}/cluster`,
  namespace: `${GROUP}/namespace`,
  name: `${GROUP}/name`,
} as const;

/** One object's place in a namespace; the only thing that a queue carries. */
export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

/** Of an object that has a namespace. */
export function keyOf({ metadata: { namespace, name } }: { readonly metadata: ObjectKey }): ObjectKey {
  return { namespace, name };
}

/** `namespace/name`, the form in logs and maps. */
export function keyString(key: ObjectKey): string {
  return `${key.namespace}/${key.name}`;
}
