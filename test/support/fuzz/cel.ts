import { isIP } from "node:net";
import { durationMs } from "../../../src/crds/effective.ts";
import { celEnv, celFunc, celMethod, CelScalar, isCelError, parse, plan } from "@bufbuild/cel";

/** The rules of a CRD, evaluated by a CEL implementation that is not ours, with what Kubernetes adds to CEL as far as our rules use it. */

/** An address range, as big numbers of `bits` bits. */
interface Range {
  readonly bits: 32 | 128;
  readonly address: bigint;
  readonly prefix: number;
}

/** As netip.ParsePrefix reads it: no zone, no leading zeros, and no IPv4 in an IPv6 address (k8s.io/apiserver/pkg/cel/library/cidr.go). */
function rangeOf(text: string): Range | undefined {
  const match = /^([0-9a-fA-F.:]+)\/(0|[1-9][0-9]{0,2})$/.exec(text);
  if (!match) return undefined;
  const [, ip = "", length = ""] = match;
  const family = isIP(ip);
  if (family === 0) return undefined;
  const bits = family === 4 ? 32 : 128;
  const prefix = Number(length);
  if (prefix > bits) return undefined;
  const address = family === 4 ? fourOf(ip) : sixOf(ip);
  const isMapped = bits === 128 && address >> 32n === 0xffffn;
  return isMapped ? undefined : { bits, address, prefix };
}

function fourOf(ip: string): bigint {
  return ip.split(".").reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
}

function sixOf(ip: string): bigint {
  const dotted = /^(.*:)([0-9]+\.[0-9]+\.[0-9]+\.[0-9]+)$/.exec(ip);
  const four = dotted ? fourOf(dotted[2] ?? "") : 0n;
  const plain = dotted ? `${dotted[1] ?? ""}${(four >> 16n).toString(16)}:${(four & 0xffffn).toString(16)}` : ip;
  const [head = "", tail] = plain.split("::");
  const groups = (text: string): string[] => (text === "" ? [] : text.split(":"));
  const last = groups(tail ?? "");
  const first = groups(head);
  const middle = Array.from({ length: tail === undefined ? 0 : 8 - first.length - last.length }, () => "0");
  return [...first, ...middle, ...last].reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

function masked({ bits, address, prefix }: Range): bigint {
  const host = BigInt(bits - prefix);
  return (address >> host) << host;
}

/** As netip writes it, which is how `cidr` values are carried here. */
function textOf({ bits, prefix }: Range, address: bigint): string {
  const groups = Array.from({ length: 8 }, (_, place) => ((address >> BigInt(112 - 16 * place)) & 0xffffn).toString(16));
  const four = Array.from({ length: 4 }, (_, place) => String((address >> BigInt(24 - 8 * place)) & 0xffn)).join(".");
  const six = new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
  return `${bits === 32 ? four : six}/${String(prefix)}`;
}

function known(text: string): Range {
  const range = rangeOf(text);
  if (!range) throw new Error(`network address parse error: ${text}`);
  return range;
}

function holds(outer: Range, inner: Range): boolean {
  if (outer.bits !== inner.bits || outer.prefix > inner.prefix) return false;
  const host = BigInt(outer.bits - outer.prefix);
  return outer.address >> host === inner.address >> host;
}

const SUFFIXES: Readonly<Record<string, readonly [bigint, bigint]>> = {
  "": [10n, 0n],
  m: [10n, -3n],
  k: [10n, 3n],
  M: [10n, 6n],
  G: [10n, 9n],
  T: [10n, 12n],
  P: [10n, 15n],
  Ki: [2n, 10n],
  Mi: [2n, 20n],
  Gi: [2n, 30n],
  Ti: [2n, 40n],
  Pi: [2n, 50n],
};

/** Thousandths; undefined for what is no quantity of the forms that our grammar lets through. The API server caps at 2^63 - 1. */
function milliOf(text: string): bigint | undefined {
  const match = /^([0-9]+)(?:\.([0-9]{1,3}))?(m|k|Ki|M|Mi|G|Gi|T|Ti|P|Pi)?$/.exec(text);
  const [base, exponent] = SUFFIXES[match?.[3] ?? ""] ?? [];
  if (!match || base === undefined || exponent === undefined) return undefined;
  const milli = BigInt(match[1] ?? "0") * 1000n + BigInt((match[2] ?? "").padEnd(3, "0"));
  const value = exponent < 0n ? milli / base ** -exponent : milli * base ** exponent;
  const cap = (2n ** 63n - 1n) * 1000n;
  return value > cap ? cap : value;
}

const { STRING, BOOL, INT } = CelScalar;

const KUBERNETES = [
  celFunc("isCIDR", [STRING], BOOL, (text) => rangeOf(text) !== undefined),
  celFunc("cidr", [STRING], STRING, (text) => {
    const range = known(text);
    return textOf(range, range.address);
  }),
  celMethod("masked", STRING, [], STRING, function () {
    const range = known(this);
    return textOf(range, masked(range));
  }),
  celMethod("containsCIDR", STRING, [STRING], BOOL, function (inner) {
    return holds(known(this), known(inner));
  }),
  celMethod("containsIP", STRING, [STRING], BOOL, function (ip) {
    return holds(known(this), known(`${ip}/${isIP(ip) === 4 ? "32" : "128"}`));
  }),
  celFunc("wholeMilliseconds", [STRING], INT, (text) => BigInt(durationMs(text))),
  celFunc("isQuantity", [STRING], BOOL, (text) => milliOf(text) !== undefined),
  celFunc("quantity", [STRING], INT, (text) => {
    const milli = milliOf(text);
    if (milli === undefined) throw new Error(`no quantity: ${text}`);
    return milli;
  }),
  celMethod("compareTo", INT, [INT], INT, function (other) {
    return this < other ? -1n : this > other ? 1n : 0n;
  }),
];

/** By the evaluator's own RE2, which says what is no expression of it. */
const isExpression = plan(celEnv(), parse("''.matches(self) in [true, false]"));

/** Grammars of our own rules, in the common ground of RE2 and ECMAScript (fields.ts): the engine of the machine is faster by far. */
const GRAMMARS = new Map<string, RegExp>();

const ENV = celEnv({
  funcs: KUBERNETES,
  re2: {
    compile(pattern) {
      const grammar = GRAMMARS.get(pattern);
      if (grammar) return grammar;
      if (isCelError(isExpression({ self: pattern }))) throw new Error(`error parsing regexp: ${pattern}`);
      return { test: () => true };
    },
  },
});

/** Whether a value keeps the rule; a rule that fails to evaluate is broken, as the API server has it. */
export type Keeps = (self: CelData) => boolean;

export function celRule(expression: string): Keeps {
  for (const [, grammar = ""] of expression.matchAll(/\.matches\(r?'([^']*)'\)/g)) GRAMMARS.set(grammar, new RegExp(grammar));
  // cel-go, which the API server has, gives all of a duration; this evaluator, by the letter of CEL's definition, what is beyond whole seconds.
  const asInGo = expression.replaceAll(/duration\(([^()]+)\)\.getMilliseconds\(\)/g, "wholeMilliseconds($1)");
  const evaluate = plan(ENV, parse(asInGo));
  return (self) => evaluate({ self }) === true;
}

/** A value of a structural schema, as CEL has it: integers are its int, which a JavaScript number is not. */
export type CelData = string | boolean | bigint | CelData[] | Map<string, CelData>;

export function celData(value: unknown): CelData {
  if (typeof value === "number") return BigInt(Math.trunc(value));
  if (typeof value === "string" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map(celData);
  if (typeof value === "object" && value !== null) return new Map(Object.entries(value).map(([key, member]) => [key, celData(member)]));
  throw new Error(`no value of a structural schema: ${String(value)}`);
}

/** Whether it is an address range with no bits set after its prefix. */
export function rangeIsValid(text: string): boolean {
  const range = rangeOf(text);
  return range !== undefined && masked(range) === range.address;
}
