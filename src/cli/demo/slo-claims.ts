import { durationMs } from "../../crds/effective.ts";
import type { PlatformService } from "../../crds/platform-service.ts";
import type { Requests } from "../../../prometheus/mesh-exporter.ts";
import { loadRules } from "../monitoring.ts";
import { get, holds, same, type Claim, type DemoContext } from "./claims.ts";

/** Claims about what the SLOs of a service become. */

const MATCHING = { namespace: "dispatch", name: "matching" };
/** Prometheus is asked every 10 s, and evaluates each second. */
const BUDGET_MS = 60_000;

interface PrometheusRule {
  readonly spec: { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
}

interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
}

/** Prometheus loads the rules, and the mesh counts good requests: what takes a while is under way when its claim comes. */
export async function startMeasuring(context: DemoContext): Promise<void> {
  const { environment, monitoring } = context;
  const loaded = await loadRules(monitoring, environment.plane.kubectl);
  context.say(`Prometheus has loaded ${String(loaded)} rules.`);
  for (const service of promised(context)) count(context, service, { good: 1_000, bad: 0 });
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
  {
    title: "by what the mesh counts every budget is Healthy",
    async check(context) {
      const { watch } = context;
      const healthy = (): boolean => promised(context).every(({ status }) => status?.budget === "Healthy");
      await watch.until("every budget is Healthy", healthy, BUDGET_MS);
      context.say(`${String(promised(context).length)} services`);
      const matching = watch.get(MATCHING);
      holds(matching !== undefined, "there is no matching");
      // For the last claim. So much busier than before that it is as if there had been nothing else.
      count(context, matching, { good: 999_600, bad: 400 });
    },
  },
];

export const budgetClaims: readonly Claim[] = [
  {
    title: "four in ten thousand of matching's requests fail, where five may, and kubectl shows its budget Low",
    async check(context) {
      const { environment, watch } = context;
      await watch.until("matching's budget is Low", () => watch.get(MATCHING)?.status?.budget === "Low", BUDGET_MS);
      const printed = await environment.plane.kubectl(["get", "psvc", MATCHING.name, "-n", MATCHING.namespace]);
      holds(/ Low /.test(printed), `kubectl does not show it:\n${printed}`);
      const left = watch.get(MATCHING)?.status?.slos?.find(({ name }) => name === "availability")?.remainingPercent;
      context.say(`${String(left)} % is left`);
    },
  },
];

function promised({ watch }: DemoContext): readonly PlatformService[] {
  return watch.list().filter(({ spec }) => spec.slos !== undefined);
}

/** Of each request is measured what the service's latency SLOs look at. */
function count({ monitoring }: DemoContext, { metadata: { namespace, name }, spec: { slos = [] } }: PlatformService, requests: Requests) {
  const boundsMs = slos.flatMap(({ threshold }) => (threshold === undefined ? [] : [durationMs(threshold)]));
  monitoring.mesh.count({ namespace, name, boundsMs }, requests);
}
