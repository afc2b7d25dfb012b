import type { TrustStatement } from "../../crds/desired.ts";
import { hasVariable } from "./arn.ts";
import { hasWildcard, matches } from "./pattern.ts";

/** Whom a trust policy that others wrote admits, beside the one ServiceAccount that is to use the role. */

/** What a pod comes with: a token of the cluster's provider, for one subject and audience. */
export interface Subject {
  /** ARN of the OIDC provider. */
  readonly provider: string;
  /** The provider's URL without its scheme: what condition keys begin with. */
  readonly issuer: string;
  /** As `system:serviceaccount:tracking:tracking`. */
  readonly sub: string;
  readonly audience: string;
}

export interface Admission {
  /** Some statement admits the subject, as far as its conditions on subject and audience say. */
  readonly admits: boolean;
  /** Whom it admits that nobody named, in words: they could be anyone's. */
  readonly anyone: readonly string[];
  /** Whom else it admits by name, and what of it was not judged, in words. */
  readonly remarks: readonly string[];
}

type Condition = TrustStatement["conditions"][number];

const ASSUME = "sts:assumerolewithwebidentity";

/** Judges a whole trust policy; each list in order and without repetition. */
export function judgeTrust(statements: readonly TrustStatement[], subject: Subject): Admission {
  const parts = statements.map((statement) => judgeStatement(statement, subject));
  return {
    admits: parts.some(({ admits }) => admits),
    anyone: sorted(parts.flatMap(({ anyone }) => anyone)),
    remarks: sorted(parts.flatMap(({ remarks }) => remarks)),
  };
}

const NOBODY: Admission = { admits: false, anyone: [], remarks: [] };

function judgeStatement(statement: TrustStatement, subject: Subject): Admission {
  if (statement.effect === "Deny") return { ...NOBODY, remarks: ["a Deny, which is not judged"] };
  const ours = statement.principals.some(({ kind, value }) => kind === "Federated" && value === subject.provider);
  const others = statement.principals.filter(({ value }) => value !== subject.provider);
  const named = others.filter(({ value }) => value !== "*").map(({ kind, value }) => `${kind} ${value}`);
  const own = ours ? judgeTokens(statement, subject) : NOBODY;
  const unnamed = others.filter(({ kind, value }) => kind === "Federated" && value !== "*" && !namesSubjects(statement));
  return {
    admits: own.admits,
    anyone: [
      ...own.anyone,
      ...(others.length > named.length ? ["everybody (Principal *)"] : []),
      ...unnamed.map(({ value }) => `everybody of ${value} (no exact condition on sub)`),
    ],
    remarks: [...own.remarks, ...named],
  };
}

/** Whether some condition on a subject, whosever, leaves only those that are written out. */
function namesSubjects({ conditions }: TrustStatement): boolean {
  return conditions.some(
    (one) =>
      one.key.toLowerCase().endsWith(":sub") &&
      comparison(one.operator) !== undefined &&
      !one.values.some((value) => isPattern(one, value)),
  );
}

/** Which of the provider's tokens a statement takes. */
function judgeTokens({ actions, conditions }: TrustStatement, subject: Subject): Admission {
  if (!actions.some((action) => matches(action.toLowerCase(), ASSUME))) return NOBODY;
  const [subs, auds, further] = byKey(conditions, subject.issuer);
  const admits = subs.every((one) => holds(one, subject.sub)) && auds.every((one) => holds(one, subject.audience));
  // Each condition must hold: whatever the narrowest leaves is what is admitted.
  const patterns = subs.map((one) => one.values.filter((value) => isPattern(one, value)));
  const narrow = subs.find((_, index) => patterns[index]?.length === 0);
  const named = (narrow?.values ?? subs.flatMap(({ values }) => values)).filter((value) => subs.every((one) => holds(one, value)));
  return {
    admits,
    anyone:
      subs.length === 0
        ? ["every ServiceAccount of the cluster (no condition on sub)"]
        : narrow === undefined
          ? patterns.flat().map((pattern) => `every subject like ${pattern}`)
          : [],
    remarks: [
      ...named.filter((value) => value !== subject.sub && !hasWildcard(value) && !hasVariable(value)).map(accountOf),
      ...(auds.length === 0 ? ["tokens for any audience"] : []),
      ...further.map(({ key }) => `a condition on ${key}, which is not judged`),
    ],
  };
}

/** Conditions on the subject, on the audience, and the rest: other keys, and operators that do not compare text. */
function byKey(conditions: readonly Condition[], issuer: string): readonly [Condition[], Condition[], Condition[]] {
  const on = (name: string) =>
    conditions.filter(({ key, operator }) => key.toLowerCase() === `${issuer}:${name}`.toLowerCase() && comparison(operator) !== undefined);
  const [subs, auds] = [on("sub"), on("aud")];
  return [subs, auds, conditions.filter((one) => !subs.includes(one) && !auds.includes(one))];
}

/** A token has one subject and one audience, so quantifiers and IfExists change nothing. */
function comparison(operator: string): "exact" | "like" | undefined {
  const bare = operator.replace(/^(ForAllValues|ForAnyValue):/i, "").replace(/IfExists$/i, "");
  return bare.toLowerCase() === "stringequals" ? "exact" : bare.toLowerCase() === "stringlike" ? "like" : undefined;
}

function holds({ operator, values }: Condition, actual: string): boolean {
  return comparison(operator) === "exact" ? values.includes(actual) : values.some((value) => matches(value, actual));
}

/** A policy variable can become any text. */
function isPattern({ operator }: Condition, value: string): boolean {
  return hasVariable(value) || (comparison(operator) === "like" && hasWildcard(value));
}

function accountOf(sub: string): string {
  const [, namespace, name] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(sub) ?? [];
  return namespace === undefined || name === undefined ? `subject ${sub}` : `ServiceAccount ${namespace}/${name}`;
}

function sorted(words: readonly string[]): readonly string[] {
  return [...new Set(words)].toSorted();
}
