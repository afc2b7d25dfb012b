/** Failures on demand: rules that pick calls and say what becomes of them. */

import { seededRandom } from "./seeded-random.ts";
import { isRecord } from "./values.ts";

/** Which calls a rule is about; every member that is given must fit. */
export interface FaultMatch {
  /** As `iam`. */
  readonly service?: string;
  /** As `CreateRole`. */
  readonly operation?: string;
  readonly access?: "read" | "write";
  readonly accessKeyId?: string;
  /** Text in the request as a FaultSubject has it, such as a role's name. */
  readonly bodyContains?: string;
}

export type FaultKind =
  /** Refused as too many calls; nothing happens. */
  | { readonly kind: "throttle" }
  /** Answered this many milliseconds late. */
  | { readonly kind: "latency"; readonly ms: number }
  /** AWS's internal error; nothing happens. */
  | { readonly kind: "http500" }
  /** The service's 503; nothing happens. */
  | { readonly kind: "unavailable" }
  /** Refused for what else is under way with the same thing, as AWS's model of the operation has it; one that has no such error is answered as `unavailable`. */
  | { readonly kind: "busy" }
  /** The connection is dropped before anything happens. */
  | { readonly kind: "drop" }
  /** The call is carried out, then the connection is dropped. */
  | { readonly kind: "lost" }
  /** The call is carried out, and the connection is cut in the middle of the answer. */
  | { readonly kind: "half" }
  /** The call is carried out twice, as by a proxy on the way that tries again; answered as the second time. */
  | { readonly kind: "twice" }
  /** The call does not see the writes of the last `calls` calls, or the last `ms` milliseconds; a write only misses what was created in it. */
  | { readonly kind: "staleReads"; readonly calls?: number; readonly ms?: number }
  | { readonly kind: "expiredCredentials" }
  | { readonly kind: "denied" }
  /** Calls above this rate are throttled; a service's calls share one bucket of `burst` (default: one second's). */
  | { readonly kind: "rateLimit"; readonly perSecond: number; readonly burst?: number };

/** Falls on the share in so many of its throws, in the long run. */
export interface Coin {
  readonly share: number;
  readonly seed: number;
}

export interface FaultRule {
  readonly match?: FaultMatch;
  /** Of the matching calls from now on, 1 is the first: where the fault begins. */
  readonly position?: number;
  /** How many calls in a row it befalls; default 1 with a position, else all. */
  readonly times?: number;
  /** Of those it befalls this share, in (0, 1], each by a throw of a coin that falls the same for the same seed; default each. */
  readonly coin?: Coin;
  readonly fault: FaultKind;
}

/** A rule that is in force, and what it has done. */
export interface ActiveFault extends FaultRule {
  readonly id: number;
  readonly matched: number;
  readonly applied: number;
}

/** The call as rules see it. */
export interface FaultSubject {
  readonly service: string;
  readonly operation: string;
  readonly access: "read" | "write";
  readonly accessKeyId: string | undefined;
  /** As it came: a form, or JSON; of REST services after a line with method, path and query. Of a Pod Identity association that is named by its id, its namespace and ServiceAccount follow. */
  readonly body: string;
}

interface Rule {
  readonly id: number;
  readonly rule: FaultRule;
  matched: number;
  applied: number;
  /** The next number in [0, 1) of its coin's seed. */
  readonly throwCoin: () => number;
  /** Tokens of a rate limit by service. */
  readonly buckets: Map<string, { tokens: number; at: number }>;
}

const KINDS: ReadonlySet<unknown> = new Set([
  "throttle",
  "latency",
  "http500",
  "unavailable",
  "busy",
  "drop",
  "lost",
  "half",
  "twice",
  "staleReads",
  "expiredCredentials",
  "denied",
  "rateLimit",
]);

/** Reads rules that came as JSON, one or a list. Throws an Error that names what is wrong. */
export function parseFaultRules(text: string): FaultRule[] {
  const parsed: FaultRule | FaultRule[] = JSON.parse(text);
  const rules = Array.isArray(parsed) ? parsed : [parsed];
  rules.forEach((rule, index) => {
    const fault: unknown = isRecord(rule) ? rule["fault"] : undefined;
    if (!isRecord(fault) || !KINDS.has(fault["kind"])) throw new Error(`rule ${index}: fault.kind must be one of ${[...KINDS].join(", ")}`);
    for (const member of ["position", "times"] as const) {
      const count = rule[member];
      if (count !== undefined && (!Number.isInteger(count) || count < 1))
        throw new Error(`rule ${index}: ${member} must be a whole number from 1`);
    }
    const { coin } = rule;
    if (coin !== undefined && !(coin.share > 0 && coin.share <= 1 && Number.isInteger(coin.seed)))
      throw new Error(`rule ${index}: coin must have a share above 0, up to 1, and a seed that is a whole number`);
  });
  return rules;
}

/** The rules in force and their counts. */
export class FaultInjector {
  #rules: Rule[] = [];
  #nextId = 1;

  add(rules: readonly FaultRule[]): ActiveFault[] {
    const added = rules.map((rule): Rule => {
      const throwCoin = seededRandom(rule.coin?.seed ?? 0);
      return { id: this.#nextId++, rule, matched: 0, applied: 0, throwCoin, buckets: new Map() };
    });
    this.#rules.push(...added);
    return added.map(describe);
  }

  clear(): void {
    this.#rules = [];
  }

  active(): ActiveFault[] {
    return this.#rules.map(describe);
  }

  /** The faults that befall this call, in the order the rules were put; each asking counts as one call. */
  befall(subject: FaultSubject, now: number): FaultKind[] {
    return this.#rules.flatMap((rule) => {
      if (!fits(rule.rule.match ?? {}, subject)) return [];
      rule.matched += 1;
      const { position, times = position === undefined ? Number.POSITIVE_INFINITY : 1, coin, fault } = rule.rule;
      const start = position ?? 1;
      if (rule.matched < start || rule.matched >= start + times) return [];
      if (coin !== undefined && rule.throwCoin() >= coin.share) return [];
      if (fault.kind === "rateLimit" && takeToken(rule.buckets, fault, subject.service, now)) return [];
      rule.applied += 1;
      return [fault];
    });
  }
}

function describe({ id, rule, matched, applied }: Rule): ActiveFault {
  return { ...rule, id, matched, applied };
}

function fits(match: FaultMatch, subject: FaultSubject): boolean {
  return (
    (match.service ?? subject.service) === subject.service &&
    (match.operation ?? subject.operation) === subject.operation &&
    (match.access ?? subject.access) === subject.access &&
    (match.accessKeyId === undefined || match.accessKeyId === subject.accessKeyId) &&
    (match.bodyContains === undefined || subject.body.includes(match.bodyContains))
  );
}

function takeToken(
  buckets: Map<string, { tokens: number; at: number }>,
  { perSecond, burst = perSecond }: { perSecond: number; burst?: number },
  service: string,
  now: number,
): boolean {
  const bucket = buckets.get(service) ?? { tokens: burst, at: now };
  const tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * perSecond);
  const taken = tokens >= 1;
  buckets.set(service, { tokens: taken ? tokens - 1 : tokens, at: now });
  return taken;
}
