import { z } from "zod";
import type { LifecyclePolicy } from "../crds/desired.ts";

/** The grammar of the ECR user guide's "Lifecycle policy properties", as far as our own policies go. */
const ours = z.strictObject({
  rules: z.array(
    z.strictObject({
      rulePriority: z.number(),
      description: z.string().default(""),
      selection: z.record(z.string(), z.union([z.string(), z.number(), z.array(z.string())])),
      action: z.strictObject({ type: z.literal("expire") }),
    }),
  ),
});

/** Stands for a policy that we would never write; equal to no desired one. */
const NOT_OURS: LifecyclePolicy = { rules: [] };

/** Null: there is none. A document of another shape reads as one without rules. Rules come in order of priority, as ECR applies them. */
export function parseLifecyclePolicy(text: string | undefined): LifecyclePolicy | null {
  if (text === undefined) return null;
  const parsed = ours.safeParse(json(text));
  if (!parsed.success) return NOT_OURS;
  return { rules: parsed.data.rules.toSorted((a, b) => a.rulePriority - b.rulePriority) };
}

/** Undefined: no JSON. */
function json(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
