/** Policies as values: the grammar's "one or many" made many, names as they were written. */

import { isRecord } from "../values.ts";

export type PrincipalKind = "AWS" | "Federated" | "Service" | "CanonicalUser";

export interface Principals {
  /** `"*"` or `{"AWS": "*"}`: everyone. */
  readonly anyone: boolean;
  readonly named: readonly { readonly kind: PrincipalKind; readonly value: string }[];
}

export interface Condition {
  /** As written: `StringEquals`, `ForAllValues:StringLikeIfExists`. */
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
}

export interface Statement {
  readonly index: number;
  readonly sid: string | undefined;
  readonly effect: "Allow" | "Deny";
  readonly actions: readonly string[] | undefined;
  readonly notActions: readonly string[] | undefined;
  readonly resources: readonly string[] | undefined;
  readonly notResources: readonly string[] | undefined;
  readonly principals: Principals | undefined;
  readonly notPrincipals: Principals | undefined;
  readonly conditions: readonly Condition[];
}

export interface Policy {
  readonly version: string;
  readonly statements: readonly Statement[];
}

/** Why a document is not a policy, in AWS's words (they go out as MalformedPolicyDocument). */
export class PolicySyntaxError extends Error {
  override readonly name = "PolicySyntaxError";
}

const STATEMENT_MEMBERS: ReadonlySet<string> = new Set([
  "Sid",
  "Effect",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Principal",
  "NotPrincipal",
  "Condition",
]);
const PRINCIPAL_KINDS: readonly PrincipalKind[] = ["AWS", "Federated", "Service", "CanonicalUser"];
const VERSIONS: ReadonlySet<unknown> = new Set(["2012-10-17", "2008-10-17"]);

function syntaxError(): PolicySyntaxError {
  return new PolicySyntaxError("Syntax errors in policy.");
}

function strings(value: unknown): readonly string[] | undefined {
  if (value === undefined) return undefined;
  const list: unknown[] = Array.isArray(value) ? value : [value];
  return list.map((item) => {
    if (typeof item !== "string") throw syntaxError();
    return item;
  });
}

function principals(value: unknown): Principals | undefined {
  if (value === undefined) return undefined;
  if (value === "*") return { anyone: true, named: [] };
  if (!isRecord(value) || Object.keys(value).length === 0) throw syntaxError();
  const named = Object.entries(value).flatMap(([kind, names]) => {
    const known = PRINCIPAL_KINDS.find((candidate) => candidate === kind);
    if (known === undefined) throw new PolicySyntaxError(`Invalid principal in policy: "${kind}"`);
    return (strings(names) ?? []).map((name) => ({ kind: known, value: name }));
  });
  return { anyone: named.some(({ kind, value: name }) => kind === "AWS" && name === "*"), named };
}

function conditions(value: unknown): Condition[] {
  if (value === undefined) return [];
  if (!isRecord(value)) throw syntaxError();
  return Object.entries(value).flatMap(([operator, tests]) => {
    if (!isRecord(tests)) throw syntaxError();
    return Object.entries(tests).map(([key, values]) => {
      const list: unknown[] = Array.isArray(values) ? values : [values];
      return {
        operator,
        key,
        values: list.map((item) => {
          if (typeof item === "string" || typeof item === "number" || typeof item === "boolean") return String(item);
          throw syntaxError();
        }),
      };
    });
  });
}

function statement(value: unknown, index: number): Statement {
  if (!isRecord(value) || Object.keys(value).some((member) => !STATEMENT_MEMBERS.has(member))) throw syntaxError();
  const { Sid: sid, Effect: effect } = value;
  if (effect !== "Allow" && effect !== "Deny") throw syntaxError();
  if (sid !== undefined && typeof sid !== "string") throw syntaxError();
  return {
    index,
    sid,
    effect,
    actions: strings(value["Action"]),
    notActions: strings(value["NotAction"]),
    resources: strings(value["Resource"]),
    notResources: strings(value["NotResource"]),
    principals: principals(value["Principal"]),
    notPrincipals: principals(value["NotPrincipal"]),
    conditions: conditions(value["Condition"]),
  };
}

/** Parses a document's structure; what may stand where is for grammar.ts. Throws PolicySyntaxError. */
export function parsePolicy(document: unknown): Policy {
  let value = document;
  if (typeof document === "string") {
    try {
      value = JSON.parse(document);
    } catch (error) {
      if (error instanceof SyntaxError) throw new PolicySyntaxError("This policy contains invalid Json");
      throw error;
    }
  }
  if (!isRecord(value)) throw syntaxError();
  const { Version: version = "2008-10-17", Statement: body, Id: id, ...rest } = value;
  if (!VERSIONS.has(version) || Object.keys(rest).length > 0 || (id !== undefined && typeof id !== "string")) throw syntaxError();
  const list: unknown[] = Array.isArray(body) ? body : [body];
  if (body === undefined || list.length === 0) throw syntaxError();
  return { version: String(version), statements: list.map(statement) };
}
