import type { Violation } from "../crds/desired.ts";

/** What a rule answers where one field breaks it. */
export function violation(field: string, reason: string, message: string): readonly Violation[] {
  return [{ field, reason, message }];
}
