import { pagesFrom } from "../../resources/slo/burn-rates.ts";
import { RULE_API } from "../../resources/slo/prometheus-rule.ts";
import { buildRuleObject } from "../../resources/slo/rule-file.ts";
import { isPending, type Step, type StepReport } from "../step.ts";
import { applySet, removeSet, type KindSet } from "./apply-set.ts";
import { ensureRulesNamespace, leaveOtherWorkspaces, removeRulesNamespace } from "./rules-namespace.ts";
import type { RemoveScope, Scope } from "./scope.ts";
import { reportOfSlos } from "./slo-measuring.ts";

const SET: KindSet = {
  kinds: [
    { apiVersion: RULE_API, kind: "PrometheusRule" },
    { apiVersion: "v1", kind: "ConfigMap" },
  ],
};

/** The rules of the service's SLOs are written, for Prometheus to load; where one can be asked, it has loaded them and measures. */
export const slosStep: Step<Scope, RemoveScope> = {
  name: "slos",
  condition: "SLOsReady",

  async ensure(scope) {
    const { slos: written } = scope.service;
    leaveOtherWorkspaces(scope);
    const undelivered = await deliver(scope);
    if (undelivered) return undelivered;
    if (written.length === 0) return { state: "skipped", reason: "NoSLOs", message: "spec.slos is not written" };
    const slos = written.map((slo) => `${slo.name} pages from ${pagesFrom(slo)} requests an hour on`);
    return reportOfSlos(scope, `${slos.join(", ")}; with fewer a single failure would, so none does`);
  },

  async remove(scope) {
    const report = await removeRulesNamespace(scope);
    return isPending(report) ? report : removeSet(scope, SET);
  },
};

/** Undefined: the rules are where `slos.delivery` has them. What another delivery left goes when they are, so that somebody alerts all the time. */
async function deliver(scope: Scope): Promise<StepReport | undefined> {
  const { service, config } = scope;
  const object = buildRuleObject(service, config);
  const inCluster = (): Promise<StepReport | undefined> => applySet(scope, SET, object === undefined ? [] : [object]);
  const inAmazon = (): Promise<StepReport | undefined> => ensureRulesNamespace(scope);
  return config.slos.delivery === "AmazonManagedPrometheus" ? ((await inAmazon()) ?? inCluster()) : ((await inCluster()) ?? inAmazon());
}
