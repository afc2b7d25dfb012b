/** IAM's wildcards: `*` is any characters, `?` is one. Linear, so that no policy can make it slow. */

/** Case-sensitive, as resources and StringLike are. */
export function matchesPattern(pattern: string, value: string): boolean {
  let at = 0;
  let from = 0;
  let star = -1;
  let retry = 0;
  while (at < value.length) {
    const wanted = pattern[from];
    if (wanted === "*") {
      star = from;
      retry = at;
      from += 1;
    } else if (wanted !== undefined && (wanted === "?" || wanted === value[at])) {
      from += 1;
      at += 1;
    } else if (star >= 0) {
      from = star + 1; // let the last * take one more character
      retry += 1;
      at = retry;
    } else {
      return false;
    }
  }
  while (pattern[from] === "*") from += 1;
  return from === pattern.length;
}

/** Without regard to case, as actions are. */
export function matchesAction(pattern: string, action: string): boolean {
  return matchesPattern(pattern.toLowerCase(), action.toLowerCase());
}

/** Each of the six colon-separated parts by itself, as ArnLike and ArnEquals compare. */
export function matchesArn(pattern: string, arn: string): boolean {
  const patterns = sixParts(pattern);
  const parts = sixParts(arn);
  if (patterns === undefined || parts === undefined) return false;
  return patterns.every((part, index) => matchesPattern(part, parts[index] ?? ""));
}

function sixParts(arn: string): string[] | undefined {
  const parts = arn.split(":");
  if (parts.length < 6) return undefined;
  return [...parts.slice(0, 5), parts.slice(5).join(":")];
}
