import type { ObjectKey } from "./meta.ts";

/** Shapes that pass between the builders and the outside: what should be, and the facts it is made from. */

/** A Kubernetes object as plain JSON, as it is sent. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

export interface NodePoolState {
  readonly name: string;
  /** Allowed values by requirement key (`karpenter.sh/capacity-type`, `kubernetes.io/arch`); absent: anything. */
  readonly requirements: Readonly<Record<string, readonly string[]>>;
  readonly taints: readonly { readonly key: string; readonly value: string | undefined; readonly effect: string }[];
}

/** A PlatformService as another sees it: what agreement between services needs. */
export interface Neighbour {
  readonly key: ObjectKey;
  /** Undefined: it names a tier that does not exist, or does not allow its namespace; so it is of none. */
  readonly tierName: string | undefined;
  readonly port: number | undefined;
  readonly protocol: string;
  /** How long a request to it may take, in milliseconds: the longest of its routes; null: one of them has no limit; 0: it takes none. */
  readonly longestTimeoutMs: number | null;
  readonly callers: readonly { readonly kind: "service" | "serviceAccount"; readonly namespace: string; readonly name: string }[];
}

/** A Service of the cluster, as a dependency names it. */
export interface ServiceState {
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly port: number; readonly targetPort: number | string }[];
  /** Istio's waypoint, which callers of the ambient data plane are led through; undefined: none. */
  readonly waypoint?: ObjectKey | undefined;
}

/** One field that is not as written: where, what it is and what it should be, in words short enough for a message. */
export interface Difference {
  readonly field: string;
  readonly observed: string;
  readonly desired: string;
}

/** Enough to find an AWS object and to know whether it is ours. */
export interface Identified {
  readonly name: string;
  readonly owner: ObjectKey;
}

export interface RoleDesired extends Identified {
  /** With leading and trailing slash. */
  readonly path: string;
  readonly description: string;
  readonly trustPolicy: PolicyDocument;
  /** Absent: the role has no inline policy. */
  readonly inlinePolicy: PolicyDocument | undefined;
  /** Sorted. */
  readonly managedPolicyArns: readonly string[];
  readonly permissionsBoundaryArn: string;
  /** Seconds. */
  readonly maxSessionDuration: number;
  readonly tags: Readonly<Record<string, string>>;
}

/** EKS Pod Identity's binding of a ServiceAccount to a role. */
export interface AssociationDesired extends Identified {
  /** `namespace/serviceAccount`: a cluster has at most one association for each. */
  readonly name: string;
  readonly roleArn: string;
  readonly tags: Readonly<Record<string, string>>;
}

/** Rules in a workspace of Amazon Managed Service for Prometheus. */
export interface RulesNamespaceDesired extends Identified {
  /** `workspaceId/name`. */
  readonly name: string;
  /** A rule file of Prometheus. */
  readonly data: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface PolicyDocument {
  readonly Version: string;
  readonly Statement: readonly PolicyStatement[];
}

export interface PolicyStatement {
  readonly Sid?: string;
  readonly Effect: "Allow" | "Deny";
  readonly Principal?: Readonly<Record<string, string | readonly string[]>>;
  readonly Action: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

/** A role that others made and own, as far as whoever uses it must know it. */
export interface ExistingRole {
  readonly arn: string;
  /** Null: it has a form that cannot be judged. */
  readonly trust: readonly TrustStatement[] | null;
  /** Null: none. */
  readonly permissionsBoundaryArn: string | null;
  /** In words, where its tags say that it is a PlatformService's; null: they do not. */
  readonly ownedBy: string | null;
}

/** One statement of a trust policy that others wrote. */
export interface TrustStatement {
  readonly effect: "Allow" | "Deny";
  /** As kind `Federated` and an ARN; the value `*` is everybody. */
  readonly principals: readonly { readonly kind: string; readonly value: string }[];
  readonly actions: readonly string[];
  readonly conditions: readonly { readonly operator: string; readonly key: string; readonly values: readonly string[] }[];
}

export interface RepositoryDesired extends Identified {
  readonly encryption: { readonly type: "AES256" | "KMS"; readonly kmsKey: string | undefined };
  /** ECR lifecycle policy document. */
  readonly lifecyclePolicy: LifecyclePolicy;
  readonly tags: Readonly<Record<string, string>>;
}

export interface LifecyclePolicy {
  readonly rules: readonly {
    readonly rulePriority: number;
    readonly description: string;
    readonly selection: Readonly<Record<string, string | number | readonly string[]>>;
    readonly action: { readonly type: "expire" };
  }[];
}

/** One broken rule: which field, what is wrong, and what to write instead. */
export interface Violation {
  /** As `spec.aws.policy.statements[Tables].actions`. */
  readonly field: string;
  /** CamelCase, stable: becomes a condition's reason when it is the first. */
  readonly reason: string;
  /** Says what is wrong and what to write instead; a whole sentence, deterministic. */
  readonly message: string;
}
