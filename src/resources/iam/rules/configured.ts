import { covers, overlaps } from "../pattern.ts";
import { listed } from "../../order.ts";
import type { Statement } from "../../../crds/platform-service.ts";
import { violation, type PolicyRule, type Waiver } from "./rule.ts";

/** What the configuration, and the tier, say of actions. IAM reads them regardless of case. */

/** Nothing that the platform denies; a pattern of which anything is denied is denied. */
export const notDenied: PolicyRule = (statement, { deniedActions = [] }) => {
  const denied = statement.actions.filter((action) => deniedActions.some((pattern) => overlaps(lower(pattern), lower(action))));
  return denied.length === 0
    ? undefined
    : violation(statement, "actions", {
        reason: "DeniedAction",
        text: `grants ${listed(denied)}, which the platform denies services of this tier or of all; remove it, or ask the platform team`,
      });
};

/** All of it is what the platform allows. */
export const allowed: PolicyRule = (statement, { allowedActions = [] }) => {
  const outside = statement.actions.filter((action) => !allowedActions.every((patterns) => isCovered(lower(action), patterns.map(lower))));
  return outside.length === 0
    ? undefined
    : violation(statement, "actions", {
        reason: "ActionNotAllowed",
        text: `grants ${listed(outside)}, which is not among what the platform allows; stay within ${allowedActions.map((patterns) => listed(patterns)).join(" and ")}, or ask the platform team`,
      });
};

/** The waiver of the rule for the statements together, if there is one. */
export function waiverOf(rule: string, statements: readonly Statement[], waivers: readonly Waiver[]): Waiver | undefined {
  return waivers.find(
    (waiver) =>
      waiver.rule === rule &&
      statements.every(
        ({ actions, resources }) =>
          actions.every((action) => isCovered(lower(action), waiver.actions.map(lower))) &&
          resources.every((resource) => isCovered(resource, waiver.resources)),
      ),
  );
}

function isCovered(text: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => covers(pattern, text));
}

function lower(text: string): string {
  return text.toLowerCase();
}
