import { REMOVED, type Changes } from "../../support/json-path.ts";
import { DEPLOYMENT, type LeafRow } from "./leaf-row.ts";

/** Each leaf of `spec.slos`. Names and figures are in nearly every rule, so the object alone is named; what the rules say is for promtool. */

export const SLOS: Changes = {
  slos: [
    { name: "availability", objective: "99.95", window: "30d", indicator: "availability" },
    { name: "latency", objective: "99", window: "30d", indicator: "latency", threshold: "250ms" },
  ],
};
const RULE = "PrometheusRule matching-slos";

function row(leaf: string, change: Changes, ...becomes: readonly string[]): LeafRow {
  return { leaf: `slos[].${leaf}`, given: SLOS, change, becomes: becomes.length > 0 ? becomes : [RULE] };
}

export const OWN_SLO: Changes = {
  slos: [
    {
      name: "orders",
      objective: "99.9",
      window: "30d",
      queries: { good: "increase(orders_done_total[window])", total: "increase(orders_total[window])" },
    },
  ],
};

export const SLO_LEAVES: readonly LeafRow[] = [
  row("name", { "slos[0].name": "answers" }),
  row("objective", { "slos[0].objective": "99.9" }),
  ...["7d", "28d", "90d"].map((window) => row("window", { "slos[0].window": window })),
  { ...row("window", { "slos[0].window": "30d" }), given: { ...SLOS, "slos[0].window": "7d" } },
  row("indicator", { "slos[0].indicator": "latency", "slos[0].threshold": "1s" }),
  {
    ...row("indicator", { "slos[0].indicator": "availability", "slos[0].threshold": REMOVED }),
    given: { ...SLOS, "slos[0].indicator": "latency", "slos[0].threshold": "1s" },
  },
  row("threshold", { "slos[1].threshold": "500ms" }),
  // Not a bound that the mesh's histogram has by default: the sidecar is asked for it.
  row(
    "threshold",
    { "slos[1].threshold": "300ms" },
    RULE,
    `${DEPLOYMENT}: spec.template.metadata.annotations["sidecar.istio.io/statsHistogramBuckets"]`,
  ),
  ...["good", "total"].map((which) => ({
    ...row(`queries.${which}`, { [`slos[0].queries.${which}`]: "increase(orders_paid_total[window])" }),
    given: OWN_SLO,
  })),
  {
    ...row("queries.bad", { "slos[0].queries": { bad: "increase(orders_failed_total[window])", total: "increase(orders_total[window])" } }),
    given: OWN_SLO,
  },
];
