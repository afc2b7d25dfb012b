import { z } from "zod";
import { LONGEST_REASON } from "./conditions.ts";

/** The pieces that fields of both kinds are made of: bounded strings with a grammar, durations, lists, and CEL rules. */

/** One CEL rule of a CRD (`x-kubernetes-validations`). The message names the field and says what to write instead. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
  /** Below the place of the rule, as `.tag`; the API server then reports the error there. */
  readonly fieldPath?: string;
  /** Never FieldValueDuplicate: the API server then says "Duplicate value" and drops the message. */
  readonly reason?: "FieldValueInvalid" | "FieldValueForbidden" | "FieldValueRequired";
}

/** Metadata that carries CEL rules: `z.strictObject({…}).meta(rules({…}))`. */
export function rules(...list: readonly Rule[]): { readonly "x-kubernetes-validations": readonly Rule[] } {
  return { "x-kubernetes-validations": list };
}

export interface Grammar {
  /** Anchored; in the common ground of RE2 and ECMAScript. */
  readonly pattern: RegExp;
  /** What a value must look like, with an example; shown when the pattern refuses. */
  readonly says: string;
  /** Default 1. */
  readonly min?: number;
  readonly max: number;
  /** CEL rules beside the pattern. They run also where the pattern fails. */
  readonly rules?: readonly Rule[];
}

/** A bounded string with a grammar. In the CRD the pattern becomes a CEL rule, because a pattern's own message is the bare expression. */
export function text({ pattern, says, min = 1, max, rules: more = [] }: Grammar): z.ZodString {
  const bounded = min > 0 ? z.string().min(min) : z.string();
  return bounded
    .max(max)
    .regex(pattern)
    .meta({ patternErrorMessage: says, ...(more.length > 0 ? rules(...more) : {}) });
}

/** A list whose items have a name: merged by key, each key once. Key fields are required or have a static default. */
export function mapList<Item extends z.ZodType>(item: Item, { keys, max }: { keys: readonly string[]; max: number }): z.ZodArray<Item> {
  return z.array(item).max(max).meta({ "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys });
}

/** A list of scalars in no order, each value once. */
export function setList<Item extends z.ZodType>(item: Item, { min = 0, max }: { min?: number; max: number }): z.ZodArray<Item> {
  return (min > 0 ? z.array(item).min(min) : z.array(item)).max(max).meta({ "x-kubernetes-list-type": "set" });
}

/** A list that has an order, or no names: replaced as a whole. */
export function atomicList<Item extends z.ZodType>(item: Item, { max }: { max: number }): z.ZodArray<Item> {
  return z.array(item).max(max).meta({ "x-kubernetes-list-type": "atomic" });
}

/** As Gateway API writes it: 250ms, 1h30m. */
export const DURATION = /^([0-9]{1,5}(h|m|s|ms)){1,4}$/;

/** CEL: true where `field` holds a duration, so that `duration(field)` cannot fail to convert. */
export function isDuration(field: string): string {
  return `${field}.matches('${DURATION.source}')`;
}

/** A Gateway API duration (GEP-2257) above zero. `name` is the field's, for the message; `more` are rules beside the grammar's. */
export function duration(name: string, more: readonly Rule[] = []): z.ZodString {
  return text({
    pattern: DURATION,
    says: `${name} must be a duration such as 250ms, 10s or 1h30m: whole numbers of at most five digits, each with h, m, s or ms`,
    min: 2,
    max: 32,
    rules: [{ rule: "self.matches('[1-9]')", message: `${name} must be longer than zero: write for example 250ms or 10s` }, ...more],
  });
}

/** A Gateway API duration (GEP-2257), zero included. */
export function durationOrZero(name: string): z.ZodString {
  return text({
    pattern: DURATION,
    says: `${name} must be a duration such as 0s, 15s or 1m30s: whole numbers of at most five digits, each with h, m, s or ms`,
    min: 2,
    max: 32,
  });
}

/** An RFC 1123 label: what owners, tiers and Services are named by. */
export function dnsLabel(name: string, example = "pricing"): z.ZodString {
  return text({
    pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/,
    says: `${name} must be lower-case letters, digits and -, beginning and ending with a letter or digit, as ${example}`,
    max: 63,
  });
}

/** A namespace, where the empty string means the service's own. */
export const namespaceOrOwn = text({
  pattern: /^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$/,
  says: "namespace must be the name of a namespace, as booking; leave it out for the service's own",
  min: 0,
  max: 63,
}).default("");

/** An RFC 1123 subdomain: what most Kubernetes objects are named by. */
export function objectName(name: string, example = "matching-keys"): z.ZodString {
  return text({
    pattern: /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/,
    says: `${name} must be the name of a Kubernetes object: lower-case letters, digits, - and ., as ${example}`,
    max: 253,
  });
}

/** An absolute URL path without a query. */
export function urlPath(name: string): z.ZodString {
  return text({
    pattern: /^\/[!-"$->@-~]*$/,
    says: `${name} must begin with / and hold no space, ? or #, as /v1/match`,
    max: 1024,
  });
}

/** A DNS name of at least two labels that the resolver answers for; no wildcard, no address. */
export function hostName(name: string): z.ZodString {
  return text({
    pattern: /^([a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\.)+[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/,
    says: `${name} must be a full DNS name in lower case, without a wildcard, scheme or port, as api.carrier.example.com`,
    max: 253,
  });
}

/** An address range that a NetworkPolicy accepts without a warning and that does not hold the cloud's metadata addresses. */
export function cidrRange(name: string): z.ZodString {
  return z
    .string()
    .min(4)
    .max(43)
    .meta(
      rules(
        { rule: "isCIDR(self)", message: `${name} must be an address range in CIDR form, as 10.40.0.0/16` },
        {
          rule: "!isCIDR(self) || cidr(self).masked() == cidr(self)",
          message: `${name} must have no bits set after its prefix: write 10.40.0.0/16, not 10.40.1.1/16`,
        },
        {
          // The same range written twice is one, and objects are named by it.
          rule: "!isCIDR(self) || string(cidr(self)) == self",
          message: `${name} must be in its shortest form and in lower case: write 2001:db8::/32, not 2001:0DB8:0::/32`,
        },
        {
          rule:
            "!isCIDR(self) || !(cidr(self).containsCIDR('169.254.0.0/16') || cidr('169.254.0.0/16').containsCIDR(self) || " +
            "cidr(self).containsIP('fd00:ec2::254'))",
          message: `${name} must not hold link-local or instance metadata addresses (169.254.0.0/16, fd00:ec2::254): name the narrower range that is called`,
        },
      ),
    );
}

/** A TCP port. */
export const port = z.int().min(1).max(65535);

/** A port that a container of ours listens on. */
export function containerPort(name: string): z.ZodInt {
  return port.meta(
    rules({
      rule: "self < 15000 || self > 15090",
      message: `${name} must not be within 15000-15090, which the mesh's proxy listens on in every pod: choose another port, as 8080`,
    }),
  );
}

/** A condition as Kubernetes writes it (metav1.Condition). */
export const condition = z.strictObject({
  type: z.string().max(316).describe("What the condition is about, as Ready."),
  status: z.enum(["True", "False", "Unknown"]).describe("True, False, or Unknown while it is not known yet."),
  reason: z.string().max(LONGEST_REASON).describe("A CamelCase word for the cause; stable, fit for alerts."),
  message: z.string().max(32768).describe("What is wrong and what to do next, in a sentence."),
  lastTransitionTime: z.iso.datetime().describe("When the status last changed."),
  observedGeneration: generation(
    "The generation of the object that this condition is about; older than metadata.generation means not judged yet.",
  ),
});

/** A `metadata.generation` as a status repeats it. */
export function generation(description: string): z.ZodInt {
  return z.int().meta({ description, format: "int64" });
}
