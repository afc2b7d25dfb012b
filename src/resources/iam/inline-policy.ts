import type { PolicyDocument, PolicyStatement } from "../../crds/desired.ts";
import type { Statement } from "../../crds/platform-service.ts";

/** The version of the policy language that knows policy variables. */
export const POLICY_VERSION = "2012-10-17";

/** The inline policy that a squad's statements become, in canonical order: the order they were written in changes nothing. Those of the platform have no sid, which a squad's could be too. */
export function inlinePolicy(statements: readonly Statement[], ofPlatform: readonly PolicyStatement[] = []): PolicyDocument {
  const written = statements.map(policyStatement).toSorted((a, b) => order(a.Sid ?? "", b.Sid ?? ""));
  return { Version: POLICY_VERSION, Statement: [...ofPlatform, ...written] };
}

function policyStatement(statement: Statement): PolicyStatement {
  const { sid, effect, actions, resources, conditions = [] } = statement;
  return {
    Sid: sid,
    Effect: effect,
    Action: canonicalSet(actions),
    Resource: canonicalSet(resources),
    ...(conditions.length > 0 && { Condition: conditionBlock(conditions) }),
  };
}

type Condition = NonNullable<Statement["conditions"]>[number];

/** Operators and keys in order. A key repeated under one operator (vetPolicy refuses it) keeps all its values. Built before anything is vetted: an operator may be called `constructor`. */
function conditionBlock(conditions: readonly Condition[]): Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> {
  const block = new Map<string, Map<string, readonly string[]>>();
  for (const { operator, key, values } of conditions.toSorted((a, b) => order(a.operator, b.operator) || order(a.key, b.key))) {
    const keys = block.get(operator) ?? new Map<string, readonly string[]>();
    block.set(operator, keys.set(key, canonicalSet([...(keys.get(key) ?? []), ...values])));
  }
  return Object.fromEntries([...block].map(([operator, keys]) => [operator, Object.fromEntries(keys)]));
}

function canonicalSet(values: readonly string[]): readonly string[] {
  return [...new Set(values)].toSorted(order);
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
