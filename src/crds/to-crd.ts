import type { z } from "zod";
import { rules, type Rule } from "./fields.ts";
import { editorSchema, structuralSchema, type JsonSchema } from "./json-schema.ts";
import { API_VERSION, GROUP, VERSION } from "./meta.ts";
import { platformServiceSpec, platformServiceStatus } from "./platform-service.ts";
import { platformTierSpec, platformTierStatus } from "./platform-tier.ts";

/** Both kinds as CustomResourceDefinitions and as JSON Schema for editors. */

/** A column of `kubectl get`; priority 1 shows with `-o wide` only. */
interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "date";
  readonly jsonPath: string;
  readonly description: string;
  readonly priority?: 1;
}

export interface Kind {
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly shortName: string;
  readonly scope: "Namespaced" | "Cluster";
  readonly description: string;
  readonly spec: z.ZodType;
  readonly status: z.ZodType;
  /** On the whole object: may read `metadata.name`, but neither the namespace nor point an error at the name. */
  readonly rules: readonly Rule[];
  readonly columns: readonly PrinterColumn[];
  /** For `--field-selector`. */
  readonly selectableFields: readonly string[];
}

const conditionColumn = (name: string, field: string, description: string): PrinterColumn => ({
  name,
  type: "string",
  jsonPath: `.status.conditions[?(@.type=="Ready")].${field}`,
  description,
});

const age: PrinterColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp", description: "Time since it was made." };

export const PLATFORM_SERVICE: Kind = {
  kind: "PlatformService",
  plural: "platformservices",
  singular: "platformservice",
  shortName: "psvc",
  scope: "Namespaced",
  description:
    "A PlatformService is one service of a squad, with everything it needs: IAM role, ECR repository, network policies, mesh routes, placement and workload.",
  spec: platformServiceSpec,
  status: platformServiceStatus,
  rules: [
    {
      // A Service of this name is made, and Services are DNS-1035 labels; the role's and the repository's names are cut to fit instead.
      rule: "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$')",
      message:
        "metadata.name must be at most 63 lower-case letters, digits and -, beginning with a letter and ending with a letter or digit, since a Service is named by it: choose a name such as tracking",
    },
  ],
  columns: [
    conditionColumn("Ready", "status", "Whether all that is asked for is so."),
    conditionColumn("Reason", "reason", "Why it is not, in a word."),
    { name: "Tier", type: "string", jsonPath: ".spec.tier", description: "The tier." },
    { name: "Image", type: "string", jsonPath: ".spec.image['tag','digest']", description: "Tag or digest that is asked for." },
    { name: "Budget", type: "string", jsonPath: ".status.budget", description: "What is left of its error budgets, the worst of them." },
    age,
    { name: "Owner", type: "string", jsonPath: ".spec.owner", description: "The squad that owns it.", priority: 1 },
    { name: "Role", type: "string", jsonPath: ".status.role.arn", description: "The IAM role of its pods.", priority: 1 },
    { name: "Mesh", type: "string", jsonPath: ".status.mesh.provider", description: "The mesh it is in.", priority: 1 },
    { ...conditionColumn("Message", "message", "What is wrong and what to do."), priority: 1 },
  ],
  selectableFields: [".spec.owner", ".spec.tier"],
};

export const PLATFORM_TIER: Kind = {
  kind: "PlatformTier",
  plural: "platformtiers",
  singular: "platformtier",
  shortName: "ptier",
  scope: "Cluster",
  description:
    "A PlatformTier is what the platform team promises to every service that names it: availability, placement, isolation and the bounds of its role.",
  spec: platformTierSpec,
  status: platformTierStatus,
  rules: [
    {
      rule: "self.metadata.name.size() <= 63 && self.metadata.name.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')",
      message:
        "metadata.name must be at most 63 lower-case letters, digits and -, beginning and ending with a letter or digit, since pods are labelled with it: choose a name such as tier-1",
    },
  ],
  columns: [
    { name: "Services", type: "integer", jsonPath: ".status.services", description: "Number of services that name it." },
    { name: "Isolation", type: "string", jsonPath: ".spec.network.isolation", description: "Whether services may agree across tiers." },
    age,
    { name: "NodePools", type: "string", jsonPath: ".spec.placement.nodePools", description: "Where its pods run.", priority: 1 },
    { name: "Description", type: "string", jsonPath: ".spec.description", description: "What it promises.", priority: 1 },
  ],
  selectableFields: [],
};

/** Descriptions of the members that every object has, as Kubernetes words them. */
const API_VERSION_DESCRIPTION = `Version of the API that the object is written in: ${API_VERSION}.`;
const kindDescription = (kind: string) => `Kind of the object: ${kind}.`;

/** The kind's CustomResourceDefinition, as plain JSON. */
export function customResourceDefinition(kind: Kind): object {
  const { plural, singular, shortName, scope, columns, selectableFields } = kind;
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${GROUP}` },
    spec: {
      group: GROUP,
      scope,
      names: { kind: kind.kind, listKind: `${kind.kind}List`, plural, singular, shortNames: [shortName], categories: ["platform"] },
      versions: [
        {
          name: VERSION,
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          ...(selectableFields.length > 0 ? { selectableFields: selectableFields.map((jsonPath) => ({ jsonPath })) } : {}),
          schema: { openAPIV3Schema: objectSchema(kind) },
        },
      ],
    },
  };
}

function objectSchema(kind: Kind): JsonSchema {
  return {
    description: kind.description,
    type: "object",
    required: ["spec"],
    properties: {
      apiVersion: { description: API_VERSION_DESCRIPTION, type: "string" },
      kind: { description: kindDescription(kind.kind), type: "string" },
      metadata: { type: "object" },
      spec: { ...structuralSchema(kind.spec), description: "What is asked for. Written by people, never by the operator." },
      status: {
        ...structuralSchema(kind.status),
        description: "What the operator saw and did. Written by the operator alone.",
        // Nothing looks current before its first pass.
        default: { observedGeneration: -1 },
      },
    },
    ...rules(...kind.rules),
  };
}

/** The kind's JSON Schema for editors: a whole object, unknown fields refused. */
export function objectEditorSchema(kind: Kind): JsonSchema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: kind.kind,
    description: kind.description,
    type: "object",
    required: ["apiVersion", "kind", "metadata", "spec"],
    additionalProperties: false,
    properties: {
      apiVersion: { description: API_VERSION_DESCRIPTION, type: "string", enum: [API_VERSION] },
      kind: { description: kindDescription(kind.kind), type: "string", enum: [kind.kind] },
      metadata: { description: "Name, namespace, labels and annotations.", type: "object" },
      spec: { ...editorSchema(kind.spec), description: "What is asked for." },
      status: { description: "What the operator saw and did; not written by people.", type: "object" },
    },
  };
}

/** The JSON Schema of the operator's configuration file. */
export function configEditorSchema(config: z.ZodType): JsonSchema {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "platform-operator configuration",
    ...editorSchema(config),
  };
}
