import { readFile } from "node:fs/promises";

/** The API server's audit log, as far as tests ask it. */

export const OPERATOR_USER = "system:serviceaccount:platform-system:platform-operator";
export const READS: ReadonlySet<string> = new Set(["get", "list", "watch"]);

export interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly userAgent?: string;
  readonly requestURI: string;
  /** RFC 3339, with microseconds. */
  readonly requestReceivedTimestamp: string;
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly namespace?: string;
    readonly resource: string;
    readonly name?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code?: number };
}

/** Every request that matches, oldest first; long-running ones once they began. */
export async function auditEvents(file: string, matches: (event: AuditEvent) => boolean): Promise<readonly AuditEvent[]> {
  const text = await readFile(file, "utf8");
  return (
    text
      .split("\n")
      // The last line may be half written.
      .slice(0, -1)
      .map((line): AuditEvent => JSON.parse(line))
      .filter(matches)
  );
}
