import { leaseName } from "../../src/controllers/shard-leases.ts";
import { CANDIDATE } from "../../src/kube/lease.ts";
import { auditEvents, READS, type AuditEvent } from "./audit-log.ts";

/** Who led when, as the API server's audit log has the writes to a Lease that were accepted. */

export interface Term {
  /** Of the replica, as its user agent says. */
  readonly identity: string;
  /** Milliseconds since 1970, by the API server. */
  readonly begunAt: number;
  /** From the last accepted renewal, or the release, of the leader before; undefined: there was none. */
  readonly vacantMs: number | undefined;
}

/** In order, the first included, which begins with its first renewal: the audit log does not name what is created. */
export async function termsOf(auditLogFile: string, shard = 0): Promise<readonly Term[]> {
  const isOfLease = ({ objectRef }: AuditEvent): boolean =>
    objectRef?.resource === "leases" && objectRef.namespace === "platform-system" && objectRef.name === leaseName(shard);
  const writes = await auditEvents(auditLogFile, (e) => isAccepted(e) && isOfLease(e) && !e.requestURI.includes(CANDIDATE));
  return writes.flatMap((write, index) => {
    const before = writes[index - 1];
    if (before !== undefined && before.userAgent === write.userAgent) return [];
    const vacantMs = before === undefined ? undefined : receivedAt(write) - receivedAt(before);
    return [{ identity: identityOf(write), begunAt: receivedAt(write), vacantMs }];
  });
}

export function isAccepted({ verb, responseStatus }: AuditEvent): boolean {
  return !READS.has(verb) && (responseStatus?.code ?? 500) < 300;
}

/** Empty: none that the operator says. */
export function identityOf({ userAgent }: AuditEvent): string {
  return /\((.*)\)/.exec(userAgent ?? "")?.[1] ?? "";
}

export function receivedAt({ requestReceivedTimestamp }: AuditEvent): number {
  return Date.parse(requestReceivedTimestamp);
}
