import type { IncomingHttpHeaders } from "node:http";
import type { AwsFault } from "../errors.ts";
import type { ServiceSchema, Shape } from "../models/schema.ts";
import type { Violation } from "../models/validate.ts";

export interface HttpRequest {
  readonly method: string;
  /** As it came, percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An error as bytes: what goes on the wire besides the status. */
export interface ErrorAnswer {
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** How a service speaks. */
export interface Protocol {
  readonly contentType: string;
  /** Whether a request is one of the service's, which only a query or an x-amz-target tells; a path alone does not. */
  claims(request: HttpRequest): boolean;
  /** The operation a request names. Throws AwsFault when the service has none such. */
  operation(request: HttpRequest, schema: ServiceSchema): string;
  /** The operation's input. Throws AwsFault for what cannot be read. */
  read(request: HttpRequest, operation: string, schema: ServiceSchema): unknown;
  write(answer: { readonly operation: string; readonly requestId: string }, shape: Shape, output: unknown): string;
  writeError(fault: AwsFault, requestId: string): ErrorAnswer;
  /** A fault that any service can answer (AccessDenied, Throttling, …) under the code and status that this one has for it. */
  onWire(fault: AwsFault): AwsFault;
  /** The refusal of a request that breaks its model. */
  invalid(violations: readonly [Violation, ...Violation[]]): AwsFault;
  /** What fault rules see of a request: its body, and of REST method, path and query before it. */
  text(request: HttpRequest): string;
}
