import { covers, overlaps } from "./pattern.ts";

/** A resource as a policy names it; each part may hold wildcards. IAM matches part by part: a `*` does not cross a colon before the resource. */
export interface ArnPattern {
  readonly partition: string;
  readonly service: string;
  readonly region: string;
  readonly account: string;
  readonly resource: string;
}

/** Undefined: no ARN. A policy variable (`${aws:PrincipalTag/x}`) can become any text, so it reads as `*`. */
export function parseArnPattern(text: string): ArnPattern | undefined {
  const match = /^arn:([^:]+):([^:]+):([^:]*):([^:]*):(.+)$/s.exec(withoutVariables(text));
  if (match === null) return undefined;
  const [, partition = "", service = "", region = "", account = "", resource = ""] = match;
  return { partition, service, region, account, resource };
}

/** Whether it is a role, or a pattern of roles, of IAM. */
export function isRole({ service, resource }: ArnPattern): boolean {
  return service === "iam" && resource.startsWith("role/");
}

/** Whether the text is `*`: everything, whether it has an ARN or not. */
export function isEverything(resource: string): boolean {
  return /^\*+$/.test(resource);
}

/** Whether the text holds a policy variable. */
export function hasVariable(text: string): boolean {
  return text.includes("${");
}

function withoutVariables(text: string): string {
  return text.replaceAll(/\$\{[^}]*\}?/g, "*");
}

/** Whether there is a resource that both name. A text that is no ARN names none. */
export function arnsOverlap(pattern: string, arn: ArnPattern): boolean {
  const other = parseArnPattern(pattern);
  return (
    other !== undefined &&
    overlaps(other.partition, arn.partition) &&
    overlaps(other.service, arn.service) &&
    overlaps(other.region, arn.region) &&
    overlaps(other.account, arn.account) &&
    overlaps(other.resource, arn.resource)
  );
}

/** Whether every resource of `inner` is one of `outer`. `*` alone is every resource; any other text that is no ARN covers nothing. */
export function arnCovers(outer: string, inner: ArnPattern): boolean {
  if (outer === "*") return true;
  const allowed = parseArnPattern(outer);
  if (allowed === undefined || hasVariable(outer)) return false;
  return (
    covers(allowed.partition, inner.partition) &&
    covers(allowed.service, inner.service) &&
    covers(allowed.region, inner.region) &&
    covers(allowed.account, inner.account) &&
    covers(allowed.resource, inner.resource)
  );
}
