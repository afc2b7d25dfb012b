import type { Violation } from "../../crds/desired.ts";
import { durationMs, type EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { Slo } from "../../crds/service/slos.ts";
import { meshOf } from "../mesh/choose.ts";
import type { RequestMetrics } from "../mesh/mesh.ts";
import { violation } from "../violation.ts";
import { queryScope } from "./indicator.ts";
import { queryProblem } from "./query.ts";
import { BURN_RATES, errorBudget, errorThreshold, promDuration } from "./burn-rates.ts";

/** What is wrong with the SLOs of a service that CEL cannot say. Empty: nothing. */
export function sloViolations(service: EffectiveService, config: OperatorConfig): readonly Violation[] {
  const metrics = meshOf(service).requestMetrics(service, config);
  return [
    ...askedByTier(service),
    ...service.slos.flatMap((slo) => [
      ...(slo.indicator === undefined ? queriesOf(service, slo, config) : measured(service, slo, metrics)),
      ...unreachable(slo),
    ]),
  ];
}

/** Of latency a service may promise what it can; queries of its own are taken for what the tier asks. */
function askedByTier({ slos, spec: { port }, tier }: EffectiveService): readonly Violation[] {
  const { required = false, minimumObjective = "90" } = tier.spec.slos ?? {};
  const promised = slos.filter(({ indicator }) => indicator !== "latency");
  if (required && port !== undefined && promised.length === 0) {
    return violation(
      "spec.slos",
      "SloRequired",
      `tier ${tier.metadata.name} asks for an SLO of availability: write one, as { name: availability, objective: "${minimumObjective}", indicator: availability }`,
    );
  }
  return promised
    .filter((slo) => errorBudget(slo) > errorBudget({ objective: minimumObjective }))
    .flatMap(({ name, objective }) =>
      violation(
        `spec.slos[${name}].objective`,
        "ObjectiveTooLow",
        `${objective} is below ${minimumObjective}, the least that tier ${tier.metadata.name} lets a service promise of its availability: raise it, or name another tier`,
      ),
    );
}

function queriesOf(service: EffectiveService, { name, queries }: Slo, config: OperatorConfig): readonly Violation[] {
  const scope = queryScope(service, config);
  return Object.entries(queries ?? {}).flatMap(([which, query]) => {
    const problem = query === undefined ? undefined : queryProblem(query, scope);
    return problem === undefined ? [] : violation(`spec.slos[${name}].queries.${which}`, "QueryNotTaken", problem);
  });
}

function measured(service: EffectiveService, slo: Slo, metrics: RequestMetrics | undefined): readonly Violation[] {
  if (metrics !== undefined) return [...protocolOf(service, slo, metrics), ...boundOf(slo, metrics)];
  const { mesh } = service;
  return violation(
    `spec.slos[${slo.name}].indicator`,
    "NotMeasured",
    `nothing that may be scraped counts the requests to a service in mesh ${mesh} and tier ${service.spec.tier}: write queries in its place, or ask the platform team for Istio in this namespace (mesh.overrides of the operator's configuration)`,
  );
}

function protocolOf({ spec: { protocol }, mesh }: EffectiveService, { name }: Slo, { protocols }: RequestMetrics): readonly Violation[] {
  if (protocols.includes(protocol)) return [];
  return violation(
    `spec.slos[${name}].indicator`,
    "ProtocolNotMeasured",
    `mesh ${mesh} tells no failures of protocol ${protocol}: it does of ${protocols.join(", ")}; write queries in its place, or another spec.protocol where that is what is spoken`,
  );
}

function boundOf({ name, threshold }: Slo, { bounds }: RequestMetrics): readonly Violation[] {
  if (threshold === undefined || bounds.includes(durationMs(threshold))) return [];
  return violation(
    `spec.slos[${name}].threshold`,
    "NoHistogramBound",
    `the mesh's histogram has no bound at ${threshold}, so it cannot be told which requests took longer: write one of ${bounds
      .filter(Number.isInteger)
      .map((ms) => `${ms}ms`)
      .join(", ")}`,
  );
}

/** An alert for which more requests would have to fail than there are. */
function unreachable(slo: Slo): readonly Violation[] {
  const never = BURN_RATES.find((rate) => errorThreshold(slo, rate) >= 1);
  if (never === undefined) return [];
  const percent = Math.round(100 * errorThreshold(slo, never));
  return violation(
    `spec.slos[${slo.name}].objective`,
    "AlertUnreachable",
    `${slo.objective} over ${slo.window} allows so many failures that the alert for ${never.percent} % of the budget in ${promDuration(never.long)} would need ${percent} % of the requests to fail: raise the objective, or choose a shorter window`,
  );
}
