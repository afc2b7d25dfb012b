import table from "./catalogue.generated.json" with { type: "json" };
import { hasWildcard, matches } from "./pattern.ts";

/** Every action of AWS, as its Service Authorization Reference has them (scripts/iam-actions.ts). IAM reads actions regardless of case. */

export interface CatalogueAction {
  /** As AWS writes it, as dynamodb:GetItem. */
  readonly name: string;
  readonly access: readonly AccessLevel[];
  /** ARNs of what it acts on, as arn:${Partition}:sqs:${Region}:${Account}:${QueueName}; none: nothing that has one, so that `*` is all there is to write. */
  readonly arns: readonly string[];
}

export type AccessLevel = "List" | "Read" | "Write" | "Tagging" | "Permissions management";

interface CatalogueService {
  /** By type. */
  readonly resources: Readonly<Record<string, string>>;
  readonly actions: readonly { readonly access: readonly string[]; readonly types: readonly string[]; readonly names: string }[];
}

/** Each a CatalogueService as JSON. */
const SERVICES: Readonly<Record<string, string>> = table.services;

/** By service and lower-case name; a service is unfolded when it is first asked for. */
const unfolded = new Map<string, ReadonlyMap<string, CatalogueAction>>();

/** Undefined: no such service. */
function actionsOf(service: string): ReadonlyMap<string, CatalogueAction> | undefined {
  const known = unfolded.get(service);
  const folded = Object.hasOwn(SERVICES, service) ? SERVICES[service] : undefined;
  if (known !== undefined || folded === undefined) return known;
  const { actions: groups, resources }: CatalogueService = JSON.parse(folded);
  const actions = new Map<string, CatalogueAction>();
  for (const { access, types, names } of groups) {
    const arns = types.flatMap((type) => resources[type] ?? []);
    for (const name of names.split(" "))
      actions.set(name.toLowerCase(), { name: `${service}:${name}`, access: access.filter(isAccessLevel), arns });
  }
  unfolded.set(service, actions);
  return actions;
}

const LEVELS: ReadonlySet<string> = new Set<AccessLevel>(["List", "Read", "Write", "Tagging", "Permissions management"]);

function isAccessLevel(text: string): text is AccessLevel {
  return LEVELS.has(text);
}

/** Of patterns that were asked for lately: each rule asks for the same. */
const answered = new Map<string, readonly CatalogueAction[]>();
const MOST_ANSWERED = 500;

/** Every action that the pattern, as a policy has it, grants or denies; in AWS's order within a service. */
export function actionsMatching(pattern: string): readonly CatalogueAction[] {
  const known = answered.get(pattern);
  if (known !== undefined) return known;
  if (answered.size >= MOST_ANSWERED) answered.clear();
  const found = matching(pattern);
  answered.set(pattern, found);
  return found;
}

/** The same of several; one that two patterns stand for is there twice. */
export function actionsMatchingAny(patterns: readonly string[]): readonly CatalogueAction[] {
  return patterns.flatMap(actionsMatching);
}

/** Whether it changes nothing. */
export function readsOnly({ access }: CatalogueAction): boolean {
  return access.every((level) => level === "List" || level === "Read");
}

function matching(pattern: string): readonly CatalogueAction[] {
  const [service = "", name] = pattern.toLowerCase().split(":");
  if (name === undefined) return /^\*+$/.test(service) ? Object.keys(SERVICES).flatMap((one) => [...(actionsOf(one)?.values() ?? [])]) : [];
  const actions = actionsOf(service);
  if (actions === undefined) return [];
  if (!hasWildcard(name)) return [actions.get(name)].filter((action) => action !== undefined);
  return [...actions].flatMap(([known, action]) => (matches(name, known) ? [action] : []));
}

/** The action whose name is the most like it; undefined: none is much like it. */
export function nearestAction(text: string): string | undefined {
  const [service = "", name = ""] = text.toLowerCase().split(":");
  const inService = actionsOf(service);
  if (inService === undefined) {
    const near = nearest(service, Object.keys(SERVICES));
    return near === undefined ? undefined : (actionsOf(near)?.get(name)?.name ?? nearestAction(`${near}:${name}`));
  }
  const near = nearest(name, [...inService.keys()]);
  return near === undefined ? undefined : inService.get(near)?.name;
}

/** Undefined where the best differs by more than a third of its letters. */
function nearest(text: string, from: readonly string[]): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(text.length / 3)) + 1;
  for (const candidate of from) {
    if (Math.abs(candidate.length - text.length) >= least) continue;
    const distance = editDistance(text, candidate);
    if (distance < least) [best, least] = [candidate, distance];
  }
  return best;
}

/** Levenshtein's. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substituted = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substituted, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
