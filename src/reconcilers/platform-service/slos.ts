import { pagesFrom } from "../../resources/slo/burn-rates.ts";
import { buildPrometheusRule, RULE_API } from "../../resources/slo/prometheus-rule.ts";
import type { Step } from "../step.ts";
import { applySet, removeSet, type KindSet } from "./apply-set.ts";
import type { RemoveScope, Scope } from "./scope.ts";
import { reportOfSlos, statusOfSlos } from "./slo-measuring.ts";

const SET: KindSet = { kinds: [{ apiVersion: RULE_API, kind: "PrometheusRule" }] };

/** The rules of the service's SLOs are written, for Prometheus to load; where one can be asked, it has loaded them and measures. */
export const slosStep: Step<Scope, RemoveScope> = {
  name: "slos",
  condition: "SLOsReady",

  async ensure(scope) {
    const { service, config } = scope;
    scope.facts.slos = statusOfSlos(scope);
    const rule = buildPrometheusRule(service, config);
    const applied = await applySet(scope, SET, rule === undefined ? [] : [rule]);
    if (applied) return applied;
    if (rule === undefined) return { state: "skipped", reason: "NoSLOs", message: "spec.slos is not written" };
    const slos = (service.spec.slos ?? []).map((slo) => `${slo.name} pages from ${pagesFrom(slo)} requests an hour on`);
    return reportOfSlos(scope, `${slos.join(", ")}; with fewer a single failure would, so none does`);
  },

  remove: (scope) => removeSet(scope, SET),
};
