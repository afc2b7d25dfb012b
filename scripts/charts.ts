import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Document, parseAllDocuments, stringify } from "yaml";
import { z } from "zod";
import { customResourceDefinition, type Kind } from "../src/crds/to-crd.ts";

/** What the charts hold of config/ and of the code: RBAC, CRDs, tiers and PriorityClasses, as files of the charts. */

const CONFIG = join(import.meta.dirname, "..", "config");
/** The namespace that config/rbac names; a chart is installed into any. */
const NAMESPACE = "platform-system";
const RELEASE_NAMESPACE = "{{ .Release.Namespace }}";
/** What Helm leaves when it would delete it. */
const KEEP = { "helm.sh/resource-policy": "keep" };

/** The kind's CRD as a template of platform-operator-crds: it outlives the release, with every object of the kind. */
export function crdTemplate(kind: Kind): string {
  const crd = z.looseObject({ metadata: z.looseObject({}) }).parse(customResourceDefinition(kind));
  return literal(stringify({ ...crd, metadata: { ...crd.metadata, annotations: KEEP } }, { lineWidth: 0, aliasDuplicateObjects: false }));
}

/** config/rbac for the release's namespace; the namespace itself and the ServiceAccount, which has values, are not among it. */
export function rbacTemplate(): string {
  const documents = documentsIn("rbac").filter((document) => !["Namespace", "ServiceAccount"].includes(kindOf(document)));
  return documents.map((document) => textOf(document).replaceAll(NAMESPACE, RELEASE_NAMESPACE)).join("---\n");
}

/** The PriorityClasses of config/tiers. Pods that run name them, so they stay. */
export function priorityClassTemplate(): string {
  const documents = documentsIn("tiers").filter((document) => kindOf(document) === "PriorityClass");
  const texts = documents.map((document) => {
    document.setIn(["metadata", "annotations"], KEEP);
    return textOf(document);
  });
  return `{{- if .Values.priorityClasses.enabled }}\n${texts.join("---\n")}{{- end }}\n`;
}

const tier = z.object({
  kind: z.literal("PlatformTier"),
  metadata: z.object({ name: z.string() }),
  spec: z.looseObject({}),
});

/** The tiers of config/tiers, name to spec. A boundary is of an account, so it is the installer's to write. */
export function shippedTiers(): string {
  const tiers = documentsIn("tiers").flatMap((document) => tier.safeParse(document.toJS()).data ?? []);
  const shipped = tiers.map(({ metadata, spec }) => [
    metadata.name,
    Object.fromEntries(Object.entries(spec).filter(([member]) => member !== "identity")),
  ]);
  return stringify(Object.fromEntries(shipped), { lineWidth: 0 });
}

function documentsIn(folder: string): readonly Document.Parsed[] {
  const files = readdirSync(join(CONFIG, folder)).toSorted();
  return files.flatMap((file) => [...parseAllDocuments(readFileSync(join(CONFIG, folder, file), "utf8"))]);
}

function textOf(document: Document.Parsed): string {
  return literal(document.toString({ lineWidth: 0, flowCollectionPadding: false }).replace(/^---\n/, ""));
}

function kindOf(document: Document.Parsed): string {
  return z.object({ kind: z.string() }).parse(document.toJS()).kind;
}

/** A text that Helm's engine leaves as it is. */
function literal(text: string): string {
  if (text.includes("{{"))
    throw new Error(
      `a generated template holds {{, which Helm would read as its own: ${text.slice(text.indexOf("{{"), text.indexOf("{{") + 80)}`,
    );
  return text;
}
