import { z } from "zod";
import type { TrustStatement } from "../crds/desired.ts";
import { readDocument } from "./policy-document.ts";

/** Trust policies that others wrote, in any form that can be judged. */

const texts = z.union([z.string(), z.array(z.string())]).transform((value) => [value].flat());
const scalar = z.union([z.string(), z.boolean(), z.number()]).transform(String);
const scalars = z.union([scalar.transform((value) => [value]), z.array(scalar)]);

/** NotPrincipal and NotAction admit whom nobody named; a document that has them is not taken apart. */
const document = z.object({
  Statement: z.array(
    z.strictObject({
      Sid: z.string().optional(),
      Effect: z.enum(["Allow", "Deny"]),
      Principal: z.union([z.literal("*").transform(() => ({ AWS: ["*"] })), z.record(z.string(), texts)]),
      Action: texts,
      Condition: z.record(z.string(), z.record(z.string(), scalars)).default({}),
    }),
  ),
});

/** Reads a trust policy, URL-encoded or plain; null where it has a form that cannot be judged. */
export function parseTrustPolicy(text: string | undefined): readonly TrustStatement[] | null {
  const parsed = document.safeParse(readDocument(text));
  if (!parsed.success) return null;
  return parsed.data.Statement.map(({ Effect, Principal, Action, Condition }) => ({
    effect: Effect,
    principals: Object.entries(Principal).flatMap(([kind, values]) => values.map((value) => ({ kind, value }))),
    actions: Action,
    conditions: Object.entries(Condition).flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, values]) => ({ operator, key, values })),
    ),
  }));
}
