import { readFileSync } from "node:fs";

/** One shape of botocore's table: what a value of it must satisfy. */
export interface Constraint {
  readonly type: string;
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly members?: Readonly<Record<string, string>>;
  readonly required?: readonly string[];
  readonly member?: string;
  readonly key?: string;
  readonly value?: string;
}

export interface ServiceConstraints {
  /** Operation to the name of its request's shape. */
  readonly operations: Readonly<Record<string, string>>;
  readonly shapes: Readonly<Record<string, Constraint>>;
  /** What the SDK's schema says of other services. */
  readonly whole?: WholeModel;
}

/** The rest of a service's model; each by operation, but for errors. */
export interface WholeModel {
  readonly outputs: Readonly<Record<string, string>>;
  readonly http: Readonly<Record<string, { readonly method: string; readonly path: string }>>;
  /** Request members that are not in the body, to where they are, as `uri`. */
  readonly places: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Class to HTTP status. */
  readonly errors: Readonly<Record<string, number>>;
}

/** The committed table (scripts/botocore-constraints.ts writes it). Throws when it lacks the service. */
export function loadConstraints(service: string): ServiceConstraints {
  const path = new URL("constraints.generated.json", import.meta.url);
  const table: { services: Record<string, ServiceConstraints> } = JSON.parse(readFileSync(path, "utf8"));
  const found = table.services[service];
  if (found === undefined) throw new Error(`constraints.generated.json has no service ${service}`);
  return found;
}

/** A pattern of the models as a whole-value match. They are written for Java: `\u10000` means one code point there. */
export function compilePattern(pattern: string): RegExp {
  const codePoints = pattern.replaceAll(/\\u(10[0-9A-Fa-f]{3,4})(?![0-9A-Fa-f])/g, String.raw`\u{$1}`);
  try {
    return new RegExp(`^(?:${codePoints})$`, "u");
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return new RegExp(`^(?:${pattern})$`); // escapes such as `\,` that the u flag forbids
  }
}
