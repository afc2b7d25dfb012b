import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parser } from "@prometheus-io/lezer-promql";
import {
  BURN_RATES,
  errorBudget,
  errorThreshold,
  fewestRequests,
  minutesToPage,
  objectiveRatio,
  pagesFrom,
} from "../../../../src/resources/slo/burn-rates.ts";
import { sloViolations } from "../../../../src/resources/slo/limits.ts";
import { buildRuleGroups } from "../../../../src/resources/slo/rules.ts";
import { meshOf } from "../../../../src/resources/mesh/choose.ts";
import { testConfig, testService } from "../../../support/effective-services.ts";

/** Budgets and burn rates as figures, for every objective and window that the schema takes. */

const config = testConfig();
const WINDOWS = ["7d", "28d", "30d", "90d"] as const;
/** Of a ten-thousandth of a percent. */
const objective = fc.integer({ min: 900_000, max: 999_999 }).map((units) => {
  const decimals = String(units % 10_000)
    .padStart(4, "0")
    .replace(/0+$/, "");
  return `${Math.floor(units / 10_000)}${decimals === "" ? "" : `.${decimals}`}`;
});
const slo = fc.record({ objective, window: fc.constantFrom(...WINDOWS) });

test("budgets are the decimals that people write", () => {
  expect(["99.9", "99.95", "99.99", "99.9999", "95", "90", "99.7"].map((one) => errorBudget({ objective: one }))).toEqual([
    0.001, 0.0005, 0.0001, 0.000_001, 0.05, 0.1, 0.003,
  ]);
  fc.assert(
    fc.property(objective, (one) => {
      expect(String(objectiveRatio({ objective: one })).length).toBeLessThanOrEqual("0.999999".length);
      expect(Math.round((errorBudget({ objective: one }) + objectiveRatio({ objective: one })) * 1e6)).toBe(1e6);
    }),
  );
});

test("rates are those of the SRE Workbook for thirty days, and of the same share of the budget for others", () => {
  const times = (window: (typeof WINDOWS)[number]) => BURN_RATES.map((rate) => errorThreshold({ objective: "99", window }, rate) / 0.01);
  expect(times("30d").map((factor) => Number(factor.toFixed(9)))).toEqual([14.4, 6, 3, 1]);
  // What keeps the objective is never too fast.
  expect(times("28d").map((factor) => Number(factor.toFixed(9)))).toEqual([13.44, 5.6, 2.8, 1]);
  expect(times("7d").map((factor) => Number(factor.toFixed(9)))).toEqual([3.36, 1.4, 1, 1]);
});

test("the fewest requests are those of which one failed does not exceed the rate, and one fewer would", () => {
  fc.assert(
    fc.property(slo, fc.constantFrom(...BURN_RATES), (one, rate) => {
      const most = errorThreshold(one, rate);
      const fewest = fewestRequests(one, rate);
      // As Prometheus compares: more than, in doubles.
      expect(1 / fewest < most).toBe(true);
      expect(fewest === 1 || 1 / (fewest - 1) >= most * (1 - 1e-12)).toBe(true);
    }),
  );
  expect(pagesFrom({ objective: "99.95", window: "30d" })).toBe(56);
});

describe("for every objective and window", () => {
  test("each alert can fire, or the SLO is refused with the reason", () => {
    fc.assert(
      fc.property(slo, (one) => {
        const service = testService({ spec: { port: 8080, slos: [{ name: "availability", indicator: "availability", ...one }] } });
        const reasons = sloViolations(service, config).map(({ reason }) => reason);
        const reachable = BURN_RATES.every((rate) => errorThreshold(one, rate) < 1);
        expect(reasons).toEqual(reachable ? [] : ["AlertUnreachable"]);
        expect(!reachable || minutesToPage(one) < 60).toBe(true);
      }),
    );
  });

  test("the rules are PromQL, of no more than twenty to a group", () => {
    const all = fc.record({ slo, indicator: fc.constantFrom("availability", "latency"), protocol: fc.constantFrom("http", "grpc") });
    fc.assert(
      fc.property(all, ({ slo: one, indicator, protocol }) => {
        const latency = indicator === "latency" ? { threshold: "250ms" } : {};
        const service = testService({ spec: { port: 8080, protocol, slos: [{ name: "answers", indicator, ...latency, ...one }] } });
        const groups = buildRuleGroups(service, meshOf(service).requestMetrics(service, config), config);
        expect(groups.length).toBe(2);
        for (const { rules } of groups) {
          expect(rules.length).toBeLessThanOrEqual(20);
          expect(rules.filter(({ expr }) => !isPromQL(expr))).toEqual([]);
        }
      }),
    );
  });
});

function isPromQL(text: string): boolean {
  let ok = true;
  parser.parse(text).iterate({
    enter({ type }) {
      if (type.isError) ok = false;
    },
  });
  return ok;
}
