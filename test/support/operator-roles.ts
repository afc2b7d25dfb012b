import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { ROOT } from "../../src/cli/keys.ts";

const rule = z.looseObject({ apiGroups: z.array(z.string()), resources: z.array(z.string()), verbs: z.array(z.string()) });
const role = z.looseObject({ kind: z.enum(["ClusterRole", "Role"]), rules: z.array(rule) });

export type Rule = z.output<typeof rule>;
export type Role = z.output<typeof role>;

/** The operator's ClusterRole and its Role, as config/rbac has them. */
export async function operatorRoles(): Promise<readonly Role[]> {
  const documents = parseAllDocuments(await readFile(join(ROOT, "config/rbac/operator.yaml"), "utf8"));
  return documents.flatMap((document) => role.safeParse(document.toJS()).data ?? []);
}
