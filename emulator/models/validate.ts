import { compilePattern, type Constraint, type ServiceConstraints } from "./constraints.ts";
import { isRecord } from "../values.ts";
import type { Shape } from "./schema.ts";

/** One constraint that a request breaks, in the words AWS uses. */
export interface Violation {
  /** As `tags.1.member.value`. */
  readonly path: string;
  readonly value: unknown;
  /** As `Member must have length less than or equal to 64`. */
  readonly constraint: string;
  /** Set when the constraint is a pattern. */
  readonly pattern?: string;
}

/** Checks requests of one service against AWS's models: required members from the SDK's schema, the rest from botocore's table. */
export class RequestValidator {
  readonly #table: ServiceConstraints;
  readonly #patterns = new Map<string, RegExp>();

  constructor(table: ServiceConstraints) {
    this.#table = table;
  }

  /** Every constraint the request breaks, in the order of the model's members. */
  violations(operation: string, input: Shape, request: unknown): Violation[] {
    const found: Violation[] = [];
    this.#check(input, this.#table.operations[operation], request, "", found);
    return found;
  }

  #check(shape: Shape, name: string | undefined, value: unknown, path: string, found: Violation[]): void {
    const constraint = name === undefined ? undefined : this.#table.shapes[name];
    if (constraint !== undefined)
      this.#checkScalar(constraint, shape.kind === "map" && isRecord(value) ? Object.keys(value) : value, path, found);
    if (shape.kind === "structure" && isRecord(value)) {
      for (const [member, { shape: memberShape, required }] of shape.members) {
        const at = `${path}${path === "" ? "" : "."}${member.charAt(0).toLowerCase()}${member.slice(1)}`;
        const given = value[member];
        if (given !== undefined) this.#check(memberShape(), constraint?.members?.[member], given, at, found);
        else if (required) found.push({ path: at, value: null, constraint: "Member must not be null" });
      }
      if (shape.union && Object.keys(value).length !== 1) {
        found.push({ path, value, constraint: `Member must have exactly one of [${[...shape.members.keys()].join(", ")}]` });
      }
    }
    if (shape.kind === "list" && Array.isArray(value)) {
      value.forEach((item, index) => {
        this.#check(shape.member(), constraint?.member, item, `${path}.${index + 1}.member`, found);
      });
    }
    if (shape.kind === "map" && isRecord(value)) {
      for (const [key, item] of Object.entries(value)) {
        this.#check({ kind: "string" }, constraint?.key, key, `${path}.key`, found);
        this.#check(shape.value(), constraint?.value, item, `${path}.${key}.member`, found);
      }
    }
  }

  #checkScalar(constraint: Constraint, value: unknown, path: string, found: Violation[]): void {
    const { min, max } = constraint;
    const numeric = typeof value === "number";
    const size = numeric ? value : sizeOf(value);
    if (size !== undefined) {
      const what = numeric ? "value" : "length";
      if (min !== undefined && size < min)
        found.push({ path, value, constraint: `Member must have ${what} greater than or equal to ${min}` });
      if (max !== undefined && size > max) found.push({ path, value, constraint: `Member must have ${what} less than or equal to ${max}` });
    }
    if (typeof value !== "string") return;
    if (constraint.enum !== undefined && !constraint.enum.includes(value)) {
      found.push({ path, value, constraint: `Member must satisfy enum value set: [${constraint.enum.join(", ")}]` });
    }
    if (constraint.pattern !== undefined && !this.#regExp(constraint.pattern).test(value)) {
      const { pattern } = constraint;
      found.push({ path, value, constraint: `Member must satisfy regular expression pattern: ${pattern}`, pattern });
    }
  }

  #regExp(pattern: string): RegExp {
    const known = this.#patterns.get(pattern);
    if (known !== undefined) return known;
    const compiled = compilePattern(pattern);
    this.#patterns.set(pattern, compiled);
    return compiled;
  }
}

function sizeOf(value: unknown): number | undefined {
  if (typeof value === "string") return Array.from(value).length;
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length;
  return undefined;
}

/** The sentence that IAM and STS answer with (code ValidationError). */
export function validationSentence(violations: readonly Violation[]): string {
  const one = violations.map(({ path, value, constraint }) => {
    const shown = value === null ? "null" : `'${typeof value === "string" ? value : JSON.stringify(value)}'`;
    return `Value ${shown} at '${path}' failed to satisfy constraint: ${constraint}`;
  });
  return `${one.length} validation error${one.length === 1 ? "" : "s"} detected: ${one.join("; ")}`;
}
