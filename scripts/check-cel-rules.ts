import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Refusal } from "../test/support/schema-cases.ts";
import { SERVICE_REFUSALS, SERVICE_UPDATE_REFUSALS } from "../test/support/service-cases.ts";
import { TIER_REFUSALS } from "../test/support/tier-cases.ts";

/**
 * Lists every CEL rule of the generated CRDs, and fails for one that no test names with its field and its message, and for a
 * test that names a rule which is no more. Enums and bounds need no list: the integration test derives a bad value for each.
 */

const CRDS = join(import.meta.dirname, "..", "config", "crd");

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>> | undefined;
  readonly items?: SchemaNode | undefined;
  readonly "x-kubernetes-validations"?: readonly { readonly message: string; readonly fieldPath?: string | undefined }[] | undefined;
}

const schemaNode: z.ZodType<SchemaNode> = z.object({
  get properties() {
    return z.record(z.string(), schemaNode).optional();
  },
  get items() {
    return schemaNode.optional();
  },
  "x-kubernetes-validations": z.array(z.object({ message: z.string(), fieldPath: z.string().optional() })).optional(),
});

const crd = z.object({
  spec: z.object({
    names: z.object({ kind: z.string() }),
    versions: z.array(z.object({ schema: z.object({ openAPIV3Schema: schemaNode }) })).length(1),
  }),
});

/** `<kind> <field>: <message>`, the field as the API server reports it, with [] for every index. */
function rulesOf(kind: string, node: SchemaNode, path: string): readonly string[] {
  const own = (node["x-kubernetes-validations"] ?? []).map(({ message, fieldPath = "" }) => `${kind} ${path}${fieldPath}: ${message}`);
  const below = Object.entries(node.properties ?? {}).flatMap(([name, property]) =>
    rulesOf(kind, property, path === "" ? name : `${path}.${name}`),
  );
  return [...own, ...below, ...(node.items ? rulesOf(kind, node.items, `${path}[]`) : [])];
}

async function rulesOfCrds(): Promise<readonly string[]> {
  const files = (await readdir(CRDS)).filter((file) => file.endsWith(".yaml")).toSorted();
  const parsed = await Promise.all(files.map(async (file) => crd.parse(parse(await readFile(join(CRDS, file), "utf8")))));
  return parsed.flatMap(({ spec }) => spec.versions.flatMap(({ schema }) => rulesOf(spec.names.kind, schema.openAPIV3Schema, "")));
}

function named(kind: string, refusals: readonly Refusal[]): readonly string[] {
  return refusals
    .filter(({ examples }) => examples.length > 0)
    .map(({ field, message }) => `${kind} ${field.replaceAll(/\[[0-9]+\]/g, "[]")}: ${message}`);
}

const rules = new Set(await rulesOfCrds());
const tested = new Set([
  ...named("PlatformService", [...SERVICE_REFUSALS, ...SERVICE_UPDATE_REFUSALS]),
  ...named("PlatformTier", TIER_REFUSALS),
]);

if (process.argv.includes("--list")) for (const rule of rules) console.log(rule);
const problems = [
  ...[...rules]
    .filter((rule) => !tested.has(rule))
    .map((rule) => `no test names this rule; add an example to test/support/service-cases.ts or tier-cases.ts: ${rule}`),
  ...[...tested].filter((rule) => !rules.has(rule)).map((rule) => `test/support names a rule that no CRD has: ${rule}`),
];
for (const problem of problems) console.error(problem);
console.log(`${rules.size} CEL rules, ${problems.length} problems`);
process.exitCode = problems.length > 0 ? 1 : 0;
