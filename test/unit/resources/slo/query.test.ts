import { describe, expect, test } from "vitest";
import { queryProblem, writtenQuery } from "../../../../src/resources/slo/query.ts";

/** Queries of a squad's own. That what is taken loads in Prometheus is for test/slo. */

const SCOPE = { namespace: "dispatch", cluster: "prod-1" };
const ADDED = 'namespace="dispatch",cluster="prod-1"';

describe("a query is written", () => {
  test.each<[query: string, written: string]>([
    ["increase(orders_total[window])", `sum(increase(orders_total{${ADDED}}[1h]))`],
    ["sum(increase(orders_total{}[window]))", `sum(sum(increase(orders_total{${ADDED}}[1h])))`],
    ['increase(orders_total{code=~"5..|a\\\\.b"}[window])', `sum(increase(orders_total{${ADDED},code=~"5..|a\\\\.b"}[1h]))`],
    ['increase(orders_total{code="x",}[window])', `sum(increase(orders_total{${ADDED},code="x",}[1h]))`],
    ['increase(orders_total{note="[window]"}[window])', `sum(increase(orders_total{${ADDED},note="[window]"}[1h]))`],
    ['increase(a{namespace="dispatch"}[window])', `sum(increase(a{${ADDED},namespace="dispatch"}[1h]))`],
    [
      "sum by (zone) (increase(a[window])) - on (zone) sum by (zone) (count_over_time(b[window])) / 2",
      `sum(sum by (zone) (increase(a{${ADDED}}[1h])) - on (zone) sum by (zone) (count_over_time(b{${ADDED}}[1h])) / 2)`,
    ],
    ["increase(a[window]) or (sum_over_time(b[window]))", `sum(increase(a{${ADDED}}[1h]) or (sum_over_time(b{${ADDED}}[1h])))`],
  ])("%s", (query, written) => {
    expect(queryProblem(query, SCOPE)).toBeUndefined();
    expect(writtenQuery(query, SCOPE)("1h")).toBe(written);
  });

  test("as it stands where every series may be read", () => {
    expect(writtenQuery("increase(a[window])", {})("5m")).toBe("sum(increase(a[5m]))");
  });
});

describe("a query is refused, with what to write,", () => {
  test.each<[query: string, tells: string]>([
    ["increase(a[5m])", "must count over [window]: write for example sum(increase(orders_total[window]))"],
    ["increase(a[window]) + sum_over_time(b[5m])", "write [window] in place of [5m]"],
    ["increase(a[window:1m])", "must count over [window]"],
    ["sum(increase(a[window])", "must be PromQL: it is not from its end on"],
    ["increase(a[window]) nonsense", 'it is not from "nonsense" on'],
    ["rate(a[window])", "rate(a[window]) is none of them"],
    ["a[window]", "must be made of increase(series[window])"],
    ["topk(1, increase(a[window]))", "topk(1, increase(a[window])) is none of them"],
    ["sum(1) + increase(a[window])", "must count series: sum(1) does not"],
    ["1 + 1 # [window]", "# [window] is none of them"],
    ["1 or increase(a[window])", "has a number beside or"],
    ["2 * on (a) increase(a[window])", "on (a) is none of them"],
    ["increase(a[window]) * on (x) group_left increase(b[window])", "is none of them"],
    ["increase(a[window]) > 3", "> is none of them"],
    ["increase(sum(a)[window])", "must count series over [window]"],
    ["increase(a[window] offset 1h)", "must count series over [window]"],
    ["increase(a[window]) # a comment", "# a comment is none of them"],
    ['increase({__name__="a"}[window])', "must name each metric before its labels"],
    ['increase({__name__=~".+"}[window])', "must name each metric before its labels"],
    ['increase(a{__name__="b"}[window])', '__name__="b" is none of them'],
    [
      'increase(a{namespace="pricing"}[window])',
      'may read only series with namespace="dispatch", which is added: remove namespace="pricing"',
    ],
    ['increase(a{namespace=~".*"}[window])', 'remove namespace=~".*"'],
    ['increase(a{cluster!=""}[window])', 'remove cluster!=""'],
    ['increase(a{b=~"(?i)x"}[window])', 'b=~"(?i)x" has not'],
    ['increase(a{b=~"a{2000}"}[window])', "must have regular expressions of letters"],
    ['increase(a{b=~"(a"}[window])', "must have regular expressions of letters"],
    ["increase(a{b=~'a'}[window])", "in double quotes"],
    ['increase(a{b="\\q"}[window])', "without backslash"],
    ["increase(a{b='x'}[window])", "in double quotes"],
  ])("%s", (query, tells) => {
    expect(queryProblem(query, SCOPE)).toContain(tells);
  });
});
