import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { z } from "zod";

import { text } from "../../../src/crds/fields.ts";
import { structuralSchema, type JsonSchema } from "../../../src/crds/json-schema.ts";
import { operatorConfigFile } from "../../../src/crds/operator-config.ts";
import {
  configEditorSchema,
  customResourceDefinition,
  objectEditorSchema,
  PLATFORM_SERVICE,
  PLATFORM_TIER,
  type Kind,
} from "../../../src/crds/to-crd.ts";
import { FULL_SERVICE, FULL_TIER, MINIMAL_SERVICE, MINIMAL_TIER } from "../../support/full-objects.ts";
import { valueAt, withChanges, type Changes, type Json } from "../../support/json-path.ts";
import { SERVICE_ACCEPTED } from "../../support/service-cases.ts";
import { TIER_ACCEPTED } from "../../support/tier-cases.ts";

const CONFIG = join(import.meta.dirname, "..", "..", "..", "config");

interface Subject {
  readonly kind: Kind;
  readonly full: Json;
  readonly minimal: Json;
  readonly accepted: Readonly<Record<string, Changes>>;
  /** Folder of YAML files that hold objects of the kind. */
  readonly folder: string;
}

const SUBJECTS: readonly Subject[] = [
  { kind: PLATFORM_SERVICE, full: FULL_SERVICE, minimal: MINIMAL_SERVICE, accepted: SERVICE_ACCEPTED, folder: "samples" },
  { kind: PLATFORM_TIER, full: FULL_TIER, minimal: MINIMAL_TIER, accepted: TIER_ACCEPTED, folder: "tiers" },
];

/** Judges by the published JSON Schema, not by the zod schema that it is made from. */
function editorAccepts(schema: JsonSchema, object: Json): boolean {
  return z.fromJSONSchema(JSON.parse(JSON.stringify(schema))).safeParse(object).success;
}

function objectsIn(folder: string, kind: string): readonly Json[] {
  const files = readdirSync(join(CONFIG, folder)).filter((file) => file.endsWith(".yaml"));
  const documents = files.flatMap((file) => parseAllDocuments(readFileSync(join(CONFIG, folder, file), "utf8")));
  const objects = documents.map((document): Json => JSON.parse(JSON.stringify(document)));
  return objects.filter((object) => valueAt(object, "kind") === kind);
}

/** Paths of every block in the object, itself as the empty path. */
function blocks(value: Json, path = ""): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((item: Json, index) => blocks(item, `${path}[${index}]`));
  if (typeof value !== "object" || value === null) return [];
  return [
    path,
    ...Object.entries(value).flatMap(([key, child]) => (key.includes(".") ? [] : blocks(child, path === "" ? key : `${path}.${key}`))),
  ];
}

/** Names of all fields of a schema. */
function fieldNames({ properties = {}, items }: JsonSchema): readonly string[] {
  return [...Object.entries(properties).flatMap(([name, child]) => [name, ...fieldNames(child)]), ...(items ? fieldNames(items) : [])];
}

describe.each(SUBJECTS)("the JSON Schema of $kind.kind", ({ kind, full, minimal, accepted, folder }) => {
  const schema = objectEditorSchema(kind);

  test("accepts what the CRD accepts", () => {
    const refused = Object.entries(accepted).filter(([, changes]) => !editorAccepts(schema, withChanges(full, changes)));
    expect(refused.map(([name]) => name)).toEqual([]);
    expect(editorAccepts(schema, minimal)).toBe(true);
  });

  test(`accepts config/${folder}`, () => {
    const objects = objectsIn(folder, kind.kind);
    expect(objects.length).toBeGreaterThan(3);
    expect(objects.filter((object) => !editorAccepts(schema, object))).toEqual([]);
  });

  test("refuses an unknown field in every block but metadata and maps of labels", () => {
    const open = blocks(full).filter((path) =>
      editorAccepts(schema, withChanges(full, { [path === "" ? "bogus" : `${path}.bogus`]: "x" })),
    );
    expect(open.filter((path) => !path.endsWith("matchLabels"))).toEqual(["metadata"]);
  });

  test("holds nothing that is for the API server alone", () => {
    expect(JSON.stringify(schema)).not.toContain("x-kubernetes");
  });
});

describe.each(SUBJECTS)("the CRD of $kind.kind", ({ kind }) => {
  test("is the same text whenever it is made", () => {
    expect(JSON.stringify(customResourceDefinition(kind))).toBe(JSON.stringify(customResourceDefinition(kind)));
  });

  test("has no field that YAML 1.1 reads as a boolean", () => {
    const names = [...fieldNames(structuralSchema(kind.spec)), ...fieldNames(structuralSchema(kind.status))];
    expect(names.length).toBeGreaterThan(20);
    expect(names.filter((name) => /^(on|off|yes|no|y|n|true|false)$/i.test(name))).toEqual([]);
  });

  test("is structural: no reference, no union, no refusal of unknown fields", () => {
    const printed = JSON.stringify(customResourceDefinition(kind));
    for (const keyword of ["$ref", "anyOf", "oneOf", "allOf", '"additionalProperties":false', "propertyNames", "patternErrorMessage"]) {
      expect(printed).not.toContain(keyword);
    }
  });
});

describe("the converter", () => {
  test("refuses a field without a description", () => {
    expect(() => structuralSchema(z.strictObject({ a: z.strictObject({ b: z.boolean() }).describe("A.") }))).toThrow(
      "a.b has no description",
    );
  });

  test("refuses a keyword that a CRD cannot have", () => {
    const union = z.union([z.string().max(1), z.int()]).describe("Either.");
    expect(() => structuralSchema(z.strictObject({ a: union }))).toThrow("a: the CRD converter does not know the keyword anyOf");
  });

  test("refuses a pattern without words", () => {
    const pattern = z.string().max(3).regex(/^a+$/).describe("Letters.");
    expect(() => structuralSchema(z.strictObject({ a: pattern }))).toThrow("the pattern ^a+$ has no patternErrorMessage");
  });

  test("makes of a grammar a rule with its words for the CRD, and a pattern with them for editors", () => {
    const field = text({ pattern: /^\/a+$/, says: "a must be /a", max: 9 }).describe("A path.");
    expect(structuralSchema(z.strictObject({ field })).properties?.["field"]).toEqual({
      description: "A path.",
      type: "string",
      minLength: 1,
      maxLength: 9,
      "x-kubernetes-validations": [{ rule: "self.matches(r'^/a+$')", message: "a must be /a" }],
    });
    expect(configEditorSchema(z.strictObject({ field })).properties?.["field"]).toMatchObject({ patternErrorMessage: "a must be /a" });
  });
});

describe("the operator's configuration", () => {
  const least: Json = {
    cluster: {
      name: "prod",
      region: "eu-west-1",
      accountId: "111122223333",
      oidcIssuer: "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC",
    },
    identity: { permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/platform-boundary" },
  };

  const TELEMETRY = { name: "telemetry", namespace: "observability", ports: [4317] };

  test("is accepted at its least by parser and editors, and gets every default", () => {
    const parsed: Json = JSON.parse(JSON.stringify(operatorConfigFile.parse(least)));
    expect(editorAccepts(configEditorSchema(operatorConfigFile), least)).toBe(true);
    expect(editorAccepts(configEditorSchema(operatorConfigFile), parsed)).toBe(true);
    expect(parsed).toMatchObject({
      tenancy: [],
      rollout: { maxConcurrent: "5%" },
      mesh: { default: "Istio" },
      aws: { sweepInterval: "10m" },
    });
  });

  test.each<[string, Changes]>([
    ["an unknown field", { "cluster.zone": "a" }],
    ["an account id that YAML read as a number", { "cluster.accountId": 111122223333 }],
    ["an issuer without TLS", { "cluster.oidcIssuer": "http://example.com" }],
    ["a boundary that is no policy", { "identity.permissionsBoundaryArn": "arn:aws:iam::111122223333:role/x" }],
    ["managed policies by a pattern", { "identity.allowedManagedPolicyArns": ["arn:aws:iam::aws:policy/Amazon*"] }],
    ["a trusted account that is none", { "identity.trustedAccounts": ["*"] }],
    ["a prefix without its slash", { "registry.repositoryPrefix": "prod" }],
    ["a way of the platform's to a namespace and a range", { "network.platformEgress": [{ ...TELEMETRY, cidr: "10.0.0.0/8" }] }],
    ["a way of the platform's to nowhere", { "network.platformEgress": [{ name: "telemetry", ports: [4317] }] }],
    [
      "a way of the platform's to a range with labels",
      { "network.platformIngress": [{ name: "edge", cidr: "10.0.0.0/8", labels: { a: "b" } }] },
    ],
    ["a way out of the platform's by no port", { "network.platformEgress": [{ name: "telemetry", namespace: "observability" }] }],
    ["two ways of the platform's of one name", { "network.platformEgress": [TELEMETRY, TELEMETRY] }],
    ["a percentage of nothing", { "rollout.maxConcurrent": "0%" }],
    ["a rate of nothing", { "aws.limits.iam": "0/s" }],
    ["a data plane of no mesh", { "mesh.overrides": [{ namespaceSelector: {}, provider: "None", dataPlane: "Ambient" }] }],
    ["a data plane that Istio has not", { "mesh.istio.dataPlane": "Proxyless" }],
  ])("refuses %s", (_, changes) => {
    expect(operatorConfigFile.safeParse(withChanges(least, changes)).success).toBe(false);
  });
});
