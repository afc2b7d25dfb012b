import { assert, constantFrom, double, integer, option, property, record } from "fast-check";
import { describe, expect, test } from "vitest";
import { budgetQuery, readingsOf, told, type Reading, type Sample, type Told } from "../../../../src/resources/slo/budget.ts";
import { BUDGETS } from "../../../../src/crds/service/status.ts";

/** From the samples of one query for the fleet to what people are told of each budget. */

const KEY = { namespace: "dispatch", name: "matching" };
const SLO = { name: "availability", objective: "99.95" };
const ID = "dispatch/matching/availability";

function info(objective = SLO.objective, id = ID): Sample {
  return { labels: { __name__: "sloth_slo_info", sloth_id: id, sloth_objective: objective }, value: 1 };
}
function total(value: number, id = ID): Sample {
  return { labels: { __name__: "slo:sli_total:increase5m", sloth_id: id }, value };
}
function recorded(value: number, id = ID): Sample {
  return { labels: { __name__: "slo:period_error_budget_remaining:ratio", sloth_id: id }, value };
}

describe("a reading", () => {
  test.each<[string, readonly Sample[], Reading]>([
    ["no rule at all", [], { finding: "RuleNotLoaded" }],
    ["the rule of an older objective", [info("99.9"), total(10), recorded(0.5)], { finding: "RuleNotLoaded" }],
    ["the rule of another SLO", [info(SLO.objective, "dispatch/matching/latency"), total(10)], { finding: "RuleNotLoaded" }],
    ["a rule that counts nothing", [info()], { finding: "NoSamples" }],
    [
      "a rule that counts nothing now, as after a rollout, while the window still has some",
      [info(), recorded(0.5)],
      { finding: "Measured", remaining: 0.5 },
    ],
    ["counts, and no budget of them yet", [info(), total(10)], { finding: "NoSamples" }],
    ["nobody who called in the whole window", [info(), total(0)], { finding: "NoTraffic" }],
    ["nobody who calls now", [info(), total(0), recorded(0.5)], { finding: "Measured", remaining: 0.5 }],
    ["traffic", [info(), total(10), recorded(-3)], { finding: "Measured", remaining: -3 }],
    ["a budget that is no number", [info(), total(0), recorded(Number.NaN)], { finding: "NoTraffic" }],
    [
      "two servers, the worse of them",
      [info(), info(), total(10), recorded(0.9), recorded(0.2), total(0)],
      { finding: "Measured", remaining: 0.2 },
    ],
  ])("of %s", (_, samples, reading) => {
    expect(readingsOf(samples)(KEY, SLO)).toEqual(reading);
  });
});

test("one query asks for the fleet, and for this cluster alone where its series are labelled", () => {
  expect(budgetQuery({})).toBe(
    '{__name__=~"sloth_slo_info|slo:sli_total:increase5m|slo:period_error_budget_remaining:ratio",sloth_id=~".+/.+/.+"}',
  );
  expect(budgetQuery({ cluster: 'pr"od' })).toMatch(/,cluster="pr\\"od"\}$/);
});

const measured = (remaining: number): Reading => ({ finding: "Measured", remaining });

describe("what is told", () => {
  test.each<[number, Told]>([
    [1, { budget: "Healthy", remainingPercent: 100 }],
    [0.988, { budget: "Healthy", remainingPercent: 100 }],
    [0.2501, { budget: "Healthy", remainingPercent: 25 }],
    [0.25, { budget: "Low", remainingPercent: 25 }],
    [0.001, { budget: "Low", remainingPercent: 0 }],
    [0, { budget: "Exhausted", remainingPercent: 0 }],
    [-0.01, { budget: "Exhausted", remainingPercent: 0 }],
    [-0.4, { budget: "Exhausted", remainingPercent: -40 }],
    [-19, { budget: "Exhausted", remainingPercent: -100 }],
  ])("of %d left, at first", (left, expected) => {
    expect(told(measured(left), undefined)).toEqual(expected);
  });

  test.each<[string, number, Told, Told]>([
    [
      "a number is kept while the real one is less than five away",
      0.651,
      { budget: "Healthy", remainingPercent: 70 },
      { budget: "Healthy", remainingPercent: 70 },
    ],
    ["and changes when it is not", 0.65, { budget: "Healthy", remainingPercent: 70 }, { budget: "Healthy", remainingPercent: 65 }],
    ["or when the state does", 0.24, { budget: "Healthy", remainingPercent: 25 }, { budget: "Low", remainingPercent: 25 }],
    ["a state that is worse is told at once", -0.001, { budget: "Low", remainingPercent: 0 }, { budget: "Exhausted", remainingPercent: 0 }],
    ["one that is hardly better is not", 0.01, { budget: "Exhausted", remainingPercent: 0 }, { budget: "Exhausted", remainingPercent: 0 }],
    ["nor is that of a quarter", 0.265, { budget: "Low", remainingPercent: 25 }, { budget: "Low", remainingPercent: 25 }],
    ["one that is clearly better is", 0.29, { budget: "Low", remainingPercent: 25 }, { budget: "Healthy", remainingPercent: 30 }],
    [
      "the lowest number is the lowest",
      -7,
      { budget: "Exhausted", remainingPercent: -100 },
      { budget: "Exhausted", remainingPercent: -100 },
    ],
    ["what was unknown is told anew", 0.1, { budget: "Unknown" }, { budget: "Low", remainingPercent: 10 }],
  ])("%s", (_, left, before, expected) => {
    expect(told(measured(left), before)).toEqual(expected);
  });

  test("of what is not measured is nothing but that", () => {
    expect(told({ finding: "NoTraffic" }, { budget: "Healthy", remainingPercent: 70 })).toEqual({ budget: "Unknown" });
  });

  test("never changes by itself, is as the schema takes it, and within seven percent of what is so", () => {
    const ratio = double({ min: -3, max: 1, noNaN: true });
    const before = option(
      record({ budget: constantFrom(...BUDGETS), remainingPercent: integer({ min: -20, max: 20 }).map((steps) => steps * 5) }),
      { nil: undefined },
    );
    assert(
      property(ratio, before, (remaining, last) => {
        const said = told(measured(remaining), last);
        expect(told(measured(remaining), said)).toEqual(said);
        const { remainingPercent = Number.NaN } = said;
        expect(Math.abs(remainingPercent % 5)).toBe(0);
        expect(Math.abs(remainingPercent - Math.max(-100, 100 * remaining))).toBeLessThan(7);
      }),
    );
  });
});
