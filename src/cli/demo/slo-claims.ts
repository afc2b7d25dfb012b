import { get, holds, same, type Claim } from "./claims.ts";

/** Claims about what the SLOs of a service become. */

interface PrometheusRule {
  readonly spec: { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
}

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
}

export const sloClaims: readonly Claim[] = [
  {
    title: "matching's two SLOs are recording rules and alerts: 99.95 % pages at 14.4 times its budget, to its owner",
    async check(context) {
      const { spec } = await get<PrometheusRule>(context, "prometheusrule/matching-slos", "-n", "dispatch");
      const rules = spec.groups.flatMap((group) => group.rules).filter(({ labels }) => labels["sloth_slo"] === "availability");
      const page = rules.find(({ alert, labels }) => alert === "SLOErrorBudgetBurn" && labels["severity"] === "page");
      holds(page?.expr.includes("> 0.0072") === true, `the page is not at 14.4 × 0.0005: ${page?.expr ?? "there is none"}`);
      same([page?.labels["owner"], page?.labels["tier"]], ["dispatch-squad", "tier-1"], "owner and tier of the page");
      same(rules.find(({ record }) => record === "slo:error_budget:ratio")?.expr, "vector(0.0005)", "budget");
      context.say(`${String(spec.groups.flatMap((group) => group.rules).length)} rules`);
    },
  },
];
