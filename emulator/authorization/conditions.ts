/**
 * Condition operators. https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
 * and …/reference_policies_condition-single-vs-multi-valued-context-keys.html
 */
import { BlockList, isIPv6 } from "node:net";
import { matchesArn, matchesPattern } from "./match.ts";
import type { Condition } from "./policy-document.ts";

/** A request's context keys, in lower case, each with its values. An absent key is not in the map. */
export type ContextKeys = ReadonlyMap<string, readonly string[]>;

type Test = (expected: string, actual: string) => boolean;

function ipMatches(range: string, address: string): boolean {
  const [base = "", bits] = range.split("/");
  const family = isIPv6(base) ? "ipv6" : "ipv4";
  const list = new BlockList();
  if (bits === undefined) list.addAddress(base, family);
  else list.addSubnet(base, Number(bits), family);
  return list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

function instant(text: string): number {
  return /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
}

const TESTS: ReadonlyMap<string, Test> = new Map<string, Test>([
  ["stringequals", (expected, actual) => expected === actual],
  ["stringequalsignorecase", (expected, actual) => expected.toLowerCase() === actual.toLowerCase()],
  ["stringlike", matchesPattern],
  ["arnequals", matchesArn],
  ["arnlike", matchesArn],
  ["bool", (expected, actual) => expected.toLowerCase() === actual.toLowerCase()],
  ["binaryequals", (expected, actual) => expected === actual],
  ["ipaddress", ipMatches],
  ["numericequals", (expected, actual) => Number(actual) === Number(expected)],
  ["numericlessthan", (expected, actual) => Number(actual) < Number(expected)],
  ["numericlessthanequals", (expected, actual) => Number(actual) <= Number(expected)],
  ["numericgreaterthan", (expected, actual) => Number(actual) > Number(expected)],
  ["numericgreaterthanequals", (expected, actual) => Number(actual) >= Number(expected)],
  ["dateequals", (expected, actual) => instant(actual) === instant(expected)],
  ["datelessthan", (expected, actual) => instant(actual) < instant(expected)],
  ["datelessthanequals", (expected, actual) => instant(actual) <= instant(expected)],
  ["dategreaterthan", (expected, actual) => instant(actual) > instant(expected)],
  ["dategreaterthanequals", (expected, actual) => instant(actual) >= instant(expected)],
]);

/** Operators that are the opposite of another. */
const NEGATED: ReadonlyMap<string, string> = new Map([
  ["stringnotequals", "stringequals"],
  ["stringnotequalsignorecase", "stringequalsignorecase"],
  ["stringnotlike", "stringlike"],
  ["arnnotequals", "arnequals"],
  ["arnnotlike", "arnlike"],
  ["notipaddress", "ipaddress"],
  ["numericnotequals", "numericequals"],
  ["datenotequals", "dateequals"],
]);

interface Operator {
  readonly quantifier: "all" | "any" | undefined;
  readonly base: string;
  readonly ifExists: boolean;
}

function parseOperator(written: string): Operator {
  const [prefix, rest] = written.includes(":") ? written.split(":", 2) : [undefined, written];
  const name = (rest ?? "").toLowerCase();
  const ifExists = name.endsWith("ifexists");
  const quantifier = prefix?.toLowerCase() === "forallvalues" ? "all" : prefix?.toLowerCase() === "foranyvalue" ? "any" : undefined;
  return { quantifier, base: ifExists ? name.slice(0, -"ifexists".length) : name, ifExists };
}

/** Whether IAM has the operator; a policy with another is malformed. */
export function isOperator(written: string): boolean {
  const { base } = parseOperator(written);
  const prefix = written.includes(":") ? (written.split(":")[0] ?? "").toLowerCase() : "forallvalues";
  return (prefix === "forallvalues" || prefix === "foranyvalue") && (base === "null" || TESTS.has(base) || NEGATED.has(base));
}

/** Whether the request meets one condition whose policy variables have been replaced. */
export function conditionHolds(condition: Condition, keys: ContextKeys): boolean {
  const { quantifier, base, ifExists } = parseOperator(condition.operator);
  const actual = keys.get(condition.key.toLowerCase());
  const present = actual !== undefined && actual.length > 0;
  if (base === "null") return condition.values.some((value) => (value.toLowerCase() === "true") === !present);
  if (actual === undefined || !present) return ifExists || quantifier === "all" || (quantifier === undefined && NEGATED.has(base));
  const negated = NEGATED.get(base);
  const test = TESTS.get(negated ?? base);
  if (test === undefined) return false;
  const matchesOne = (value: string): boolean => condition.values.some((expected) => test(expected, value));
  const holds = negated === undefined ? matchesOne : (value: string): boolean => !matchesOne(value);
  if (quantifier === "all") return actual.every(holds);
  if (quantifier === "any") return actual.some(holds);
  return negated === undefined ? actual.some(holds) : actual.every(holds);
}
