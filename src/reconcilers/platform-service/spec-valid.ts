import { platformArns } from "../../crds/aws-names.ts";
import type { Violation } from "../../crds/desired.ts";
import { effectiveService, selectorMatches, type EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { PlatformService } from "../../crds/platform-service.ts";
import type { LabelSelector } from "../../crds/platform-tier.ts";
import { platformStatements } from "../../resources/iam/role.ts";
import { vetPolicy, type Vetting } from "../../resources/iam/vet-policy.ts";
import { joined } from "../../resources/bounded-text.ts";
import { meshOf } from "../../resources/mesh/choose.ts";
import { validateService } from "../../resources/validate-service.ts";
import type { NotRun } from "../conditions.ts";
import type { World } from "../ports.ts";
import type { StepReport } from "../step.ts";

/** The gate before every step: a generation that breaks a rule is refused whole. */
export type Verdict =
  | {
      readonly state: "valid";
      readonly service: EffectiveService;
      readonly namespaceLabels: Readonly<Record<string, string>>;
      /** Rules that the configuration waives for it, and why. */
      readonly waived: readonly string[];
    }
  /** Not known yet; no step is run. */
  | { readonly state: "waiting"; readonly report: StepReport }
  | { readonly state: "refused"; readonly report: StepReport };

/** Fills in the defaults and holds the result against every rule that CEL cannot say. */
export function judge(stored: PlatformService, world: Pick<World, "tier" | "namespaceLabels">, config: OperatorConfig): Verdict {
  const tier = world.tier(stored.spec.tier);
  if (!tier) {
    return refuse({
      field: "spec.tier",
      reason: "UnknownTier",
      message: `PlatformTier ${stored.spec.tier} does not exist: name one of those that \`kubectl get ptier\` lists`,
    });
  }
  const namespaceLabels = world.namespaceLabels(stored.metadata.namespace);
  if (!namespaceLabels) return { state: "waiting", report: waitingForNamespace };
  const service = effectiveService(stored, tier, config, namespaceLabels);
  const { violations, waived } = vetStatements(service, namespaceLabels, config);
  const [first, ...others] = [...validateService({ service, namespaceLabels, config }), ...violations];
  return first ? refuse(first, ...others) : { state: "valid", service, namespaceLabels, waived };
}

/** What a namespace may do hangs on its labels: before they are seen, nothing is allowed and nothing is refused. */
const waitingForNamespace: StepReport = {
  state: "progressing",
  reason: "WaitingForNamespace",
  message: "waits for the labels of its namespace to be seen",
  recheckMs: 1_000,
};

/** What is said of the steps that a verdict keeps from running. */
export function whyNotRun({ state }: Verdict): NotRun {
  const kept = "what runs stays as it is";
  return state === "waiting"
    ? { reason: "WaitingForNamespace", message: `not looked at: the labels of its namespace are not seen yet, ${kept}` }
    : { reason: "SpecRefused", message: `not looked at: this generation of the spec is refused, ${kept}` };
}

function vetStatements(service: EffectiveService, namespaceLabels: Readonly<Record<string, string>>, config: OperatorConfig): Vetting {
  const statements = service.spec.aws?.policy?.statements ?? [];
  const selects = ({ namespaceSelector }: { readonly namespaceSelector: LabelSelector }): boolean =>
    selectorMatches(namespaceSelector, namespaceLabels);
  const { deniedActions, allowedActions, waivers } = config.policies;
  const ofTier = service.tier.spec.identity ?? {};
  const ofPlatform = platformStatements(service.key, config, [meshOf(service)]);
  const { accountId, region } = config.cluster;
  const { trustedAccounts } = config.identity;
  return vetPolicy(statements, {
    accountId,
    region,
    trustedAccounts,
    resourceArns: config.tenancy.filter(selects).flatMap((tenant) => tenant.resourceArns),
    platformArns: platformArns(config),
    deniedActions: [...deniedActions, ...(ofTier.deniedActions ?? [])],
    allowedActions: [allowedActions, ...(ofTier.allowedActions === undefined ? [] : [ofTier.allowedActions])],
    waivers: waivers.filter(selects),
    ofPlatform,
  });
}

function refuse(first: Violation, ...others: readonly Violation[]): Verdict {
  const violations = [first, ...others].map((v) => `${v.field}: ${v.message}`);
  return { state: "refused", report: { state: "blocked", reason: first.reason, message: joined(violations) } };
}
