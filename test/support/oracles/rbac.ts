import { z } from "zod";

/** Envoy's RBAC filter, as far as istiod writes it for our policies: whether it lets a caller through. What it does not know it throws at. */

interface Permission {
  readonly any?: boolean | undefined;
  readonly andRules?: { readonly rules: readonly Permission[] } | undefined;
  readonly orRules?: { readonly rules: readonly Permission[] } | undefined;
  readonly notRule?: Permission | undefined;
  readonly destinationPort?: number | undefined;
}

interface Principal {
  readonly any?: boolean | undefined;
  readonly andIds?: { readonly ids: readonly Principal[] } | undefined;
  readonly orIds?: { readonly ids: readonly Principal[] } | undefined;
  readonly notId?: Principal | undefined;
  readonly authenticated?: { readonly principalName: TextMatch } | undefined;
  readonly filterState?: { readonly key: string; readonly stringMatch: TextMatch } | undefined;
}

type TextMatch = z.output<typeof textMatch>;

const textMatch = z.strictObject({
  exact: z.string().optional(),
  prefix: z.string().optional(),
  suffix: z.string().optional(),
  safeRegex: z.strictObject({ regex: z.string() }).optional(),
});

// Strict: a kind of permission that this does not know must not be taken for one that holds.
const permission: z.ZodType<Permission> = z.lazy(() =>
  z.strictObject({
    any: z.boolean().optional(),
    andRules: z.strictObject({ rules: z.array(permission) }).optional(),
    orRules: z.strictObject({ rules: z.array(permission) }).optional(),
    notRule: permission.optional(),
    destinationPort: z.number().optional(),
  }),
);
const principal: z.ZodType<Principal> = z.lazy(() =>
  z.strictObject({
    any: z.boolean().optional(),
    andIds: z.strictObject({ ids: z.array(principal) }).optional(),
    orIds: z.strictObject({ ids: z.array(principal) }).optional(),
    notId: principal.optional(),
    authenticated: z.strictObject({ principalName: textMatch }).optional(),
    filterState: z.strictObject({ key: z.literal("io.istio.peer_principal"), stringMatch: textMatch }).optional(),
  }),
);

/** Of a filter's configuration; ALLOW is Envoy's default and therefore not written. */
export const rbacRules = z.strictObject({
  action: z.literal("ALLOW").optional(),
  policies: z.record(z.string(), z.strictObject({ permissions: z.array(permission), principals: z.array(principal) })).optional(),
});

export type RbacRules = z.output<typeof rbacRules>;

export interface Caller {
  /** `spiffe://…`; undefined: it came in plain text. */
  readonly identity: string | undefined;
  readonly port: number;
}

/** Without a rule that matches nobody is let in. */
export function admits({ policies = {} }: RbacRules, caller: Caller): boolean {
  return Object.values(policies).some(
    ({ permissions, principals }) => permissions.some((one) => permits(one, caller)) && principals.some((one) => names(one, caller)),
  );
}

function permits(one: Permission, caller: Caller): boolean {
  if (one.any !== undefined) return one.any;
  if (one.andRules) return one.andRules.rules.every((rule) => permits(rule, caller));
  if (one.orRules) return one.orRules.rules.some((rule) => permits(rule, caller));
  if (one.notRule) return !permits(one.notRule, caller);
  if (one.destinationPort !== undefined) return one.destinationPort === caller.port;
  throw new Error("a permission that says nothing");
}

function names(one: Principal, caller: Caller): boolean {
  if (one.any !== undefined) return one.any;
  if (one.andIds) return one.andIds.ids.every((id) => names(id, caller));
  if (one.orIds) return one.orIds.ids.some((id) => names(id, caller));
  if (one.notId) return !names(one.notId, caller);
  const match = one.authenticated?.principalName ?? one.filterState?.stringMatch;
  if (!match) throw new Error("a principal that says nothing");
  return caller.identity !== undefined && matches(match, caller.identity);
}

function matches({ exact, prefix, suffix, safeRegex }: TextMatch, text: string): boolean {
  if (exact !== undefined) return text === exact;
  if (prefix !== undefined) return text.startsWith(prefix);
  if (suffix !== undefined) return text.endsWith(suffix);
  if (safeRegex) return new RegExp(`^(?:${safeRegex.regex})$`).test(text);
  throw new Error("a match that says nothing");
}
