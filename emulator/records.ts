/** What the emulator keeps, as plain JSON: times in milliseconds since 1970, documents as the text that was sent. */

export type Tags = Readonly<Record<string, string>>;

export interface RoleRecord {
  readonly arn: string;
  readonly roleId: string;
  readonly roleName: string;
  readonly path: string;
  readonly createdAt: number;
  readonly trustPolicy: string;
  readonly description?: string | undefined;
  /** Seconds. */
  readonly maxSessionDuration: number;
  readonly permissionsBoundary?: string | undefined;
  readonly tags: Tags;
  /** Policy name to document. */
  readonly inlinePolicies: Readonly<Record<string, string>>;
  readonly attachedPolicies: readonly string[];
}

export interface PolicyRecord {
  readonly arn: string;
  readonly policyId: string;
  readonly policyName: string;
  readonly path: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly description?: string | undefined;
  readonly defaultVersionId: string;
  readonly versions: Readonly<Record<string, { readonly document: string; readonly createdAt: number }>>;
  readonly tags: Tags;
}

export interface InstanceProfileRecord {
  readonly arn: string;
  readonly id: string;
  readonly name: string;
  readonly path: string;
  readonly createdAt: number;
  /** The role's name as a key of the roles table. */
  readonly roleKey?: string | undefined;
  readonly tags: Tags;
}

export interface OidcProviderRecord {
  readonly arn: string;
  /** With `https://`. */
  readonly url: string;
  readonly clientIds: readonly string[];
  readonly thumbprints: readonly string[];
  readonly createdAt: number;
  readonly tags: Tags;
}

export interface SessionRecord {
  readonly accessKeyId: string;
  readonly token: string;
  readonly expiresAt: number;
  readonly roleKey: string;
  readonly roleId: string;
  readonly sessionName: string;
  readonly assumedRoleArn: string;
  readonly sessionPolicy?: string | undefined;
  readonly tags: Tags;
}

export interface ImageRecord {
  readonly digest: string;
  readonly manifest: string;
  readonly mediaType: string;
  readonly artifactMediaType?: string | undefined;
  readonly subject?: string | undefined;
  /** Digests of the images that an index lists. */
  readonly references: readonly string[];
  readonly tags: readonly string[];
  readonly size: number;
  readonly pushedAt: number;
}

export interface ExclusionFilter {
  readonly filterType: "WILDCARD";
  readonly filter: string;
}

export type Mutability = "MUTABLE" | "IMMUTABLE" | "MUTABLE_WITH_EXCLUSION" | "IMMUTABLE_WITH_EXCLUSION";

/** What holds for all repositories of an account; without one nothing is scanned by itself or replicated. */
export interface RegistryRecord {
  readonly scanType: "BASIC" | "ENHANCED";
  readonly scanRules: readonly {
    readonly scanFrequency: "SCAN_ON_PUSH" | "CONTINUOUS_SCAN" | "MANUAL";
    readonly repositoryFilters: readonly { readonly filter: string; readonly filterType: "WILDCARD" }[];
  }[];
  readonly replicationRules: readonly {
    readonly destinations: readonly { readonly region: string; readonly registryId: string }[];
    readonly repositoryFilters?: readonly { readonly filter: string; readonly filterType: "PREFIX_MATCH" }[] | undefined;
  }[];
}

export interface RepositoryRecord {
  readonly name: string;
  readonly arn: string;
  readonly createdAt: number;
  readonly mutability: Mutability;
  readonly exclusionFilters: readonly ExclusionFilter[];
  readonly scanOnPush: boolean;
  readonly encryption: { readonly type: "AES256" | "KMS" | "KMS_DSSE"; readonly kmsKey?: string | undefined };
  readonly tags: Tags;
  readonly lifecyclePolicy?: string | undefined;
  readonly policy?: string | undefined;
  readonly images: Readonly<Record<string, ImageRecord>>;
  /** Digest to size in bytes of the layers uploaded here. */
  readonly layers: Readonly<Record<string, number>>;
}

/** An EKS Pod Identity association. */
export interface PodIdentityAssociationRecord {
  /** As `a-0123456789abcdefg`. */
  readonly id: string;
  readonly arn: string;
  readonly clusterName: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly roleArn: string;
  readonly disableSessionTags: boolean;
  readonly policy?: string | undefined;
  readonly tags: Tags;
  readonly createdAt: number;
  readonly modifiedAt: number;
  /** Of the add-on that made it. */
  readonly ownerArn?: string | undefined;
  /** The request that made it, so that the same one again finds it. */
  readonly madeBy: RequestRecord;
}

/** A workspace of Amazon Managed Service for Prometheus. */
export interface WorkspaceRecord {
  readonly id: string;
  readonly arn: string;
  readonly alias?: string | undefined;
  readonly kmsKeyArn?: string | undefined;
  readonly tags: Tags;
  readonly createdAt: number;
  /** What it was told to last, and when: it is at that for a while. */
  readonly doing: "CREATING" | "DELETING";
  readonly since: number;
  readonly madeBy?: RequestRecord | undefined;
}

/** A rule groups namespace in a workspace. */
export interface RulesNamespaceRecord {
  readonly workspaceId: string;
  readonly name: string;
  readonly arn: string;
  /** In base64. */
  readonly data: string;
  readonly tags: Tags;
  readonly createdAt: number;
  readonly modifiedAt: number;
  /** What it was told to last, and when: it is at that for a while. */
  readonly doing: "CREATING" | "UPDATING" | "DELETING";
  readonly since: number;
  /** Why that will fail. */
  readonly failure?: string | undefined;
  readonly madeBy: RequestRecord;
  readonly updatedBy?: RequestRecord | undefined;
}

/** An object of App Mesh, of whatever kind. */
export interface MeshObjectRecord {
  readonly kind: "mesh" | "virtualNode" | "virtualRouter" | "route" | "virtualService" | "virtualGateway" | "gatewayRoute";
  /** As `mesh/shop/virtualRouter/cart/route/all`. */
  readonly path: string;
  /** The path of what it is in; a mesh is in nothing. */
  readonly parent: string | undefined;
  /** As `{meshName, virtualRouterName, routeName}`. */
  readonly names: Readonly<Record<string, string>>;
  /** As the model of its kind has it. */
  readonly spec: unknown;
  readonly tags: Tags;
  readonly uid: string;
  readonly version: number;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly madeBy: RequestRecord;
  readonly updatedBy?: RequestRecord | undefined;
}

/** A write that a client can repeat. */
export interface RequestRecord {
  readonly token: string | undefined;
  /** The request without the token, as JSON with sorted keys. */
  readonly content: string;
}
