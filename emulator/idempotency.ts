import type { RequestRecord } from "./records.ts";
import { isRecord } from "./values.ts";

/** Noted of a create that was answered with what an earlier one had made. */
export const REPEATED = "emulator:Repeated";

/** A create as it is remembered: its token, and all else that was asked, whatever the order of members. */
export function requestRecord(request: object, tokenMember: string): RequestRecord {
  const members: Record<string, unknown> = { ...request };
  const { [tokenMember]: token, ...rest } = members;
  return { token: typeof token === "string" ? token : undefined, content: JSON.stringify(sorted(rest)) };
}

/** Whether a create is the one remembered, sent again. */
export function isRepeated(made: RequestRecord, now: RequestRecord): boolean {
  return made.token !== undefined && made.token === now.token && made.content === now.content;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isRecord(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, item]) => [key, sorted(item)]),
  );
}
