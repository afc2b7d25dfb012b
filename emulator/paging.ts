/** Pages of a list in the order of its keys; a token names the last key given, so that a page never repeats or skips what stays. */

export interface PageRequest {
  readonly token: string | undefined;
  readonly size: number | undefined;
  /** What AWS gives when the caller asks for no size. */
  readonly defaultSize: number;
  /** A cap for tests; undefined: none. */
  readonly maxSize: number | undefined;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/** A page of items sorted by key; undefined when the token is none of ours. */
export function page<T>(sorted: readonly (readonly [string, T])[], request: PageRequest): Page<T> | undefined {
  const after = request.token === undefined ? undefined : decodeToken(request.token);
  if (request.token !== undefined && after === undefined) return undefined;
  const rest = after === undefined ? sorted : sorted.filter(([key]) => key > after);
  const size = Math.min(request.size ?? request.defaultSize, request.maxSize ?? Number.POSITIVE_INFINITY);
  const items = rest.slice(0, size);
  const last = items.at(-1);
  return { items: items.map(([, item]) => item), next: last !== undefined && rest.length > size ? encodeToken(last[0]) : undefined };
}

const MARK = "after:";

function encodeToken(key: string): string {
  return Buffer.from(MARK + key).toString("base64url");
}

function decodeToken(token: string): string | undefined {
  const text = Buffer.from(token, "base64url").toString();
  return text.startsWith(MARK) ? text.slice(MARK.length) : undefined;
}
