import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { inject } from "vitest";
import type { RuleGroup } from "../../../src/resources/slo/rules.ts";

/** A counter that rises by so many a minute, for so many minutes, again and again. */
interface Counted {
  /** As `istio_requests_total{response_code="200"}`. */
  readonly name: string;
  readonly segments: readonly { readonly minutes: number; readonly perMinute: number }[];
}

/** A gauge, by promtool's notation: `1x30 _x5 0x60` is 1 for half an hour, nothing for five minutes, 0 for an hour. */
interface Gauged {
  readonly name: string;
  readonly values: string;
}

export type Series = Counted | Gauged;

export interface Expectation {
  /** Minutes since the first sample. */
  readonly at: number;
  readonly expr: string;
  /** The value of its one series; undefined: there is none. */
  readonly value: number | undefined;
}

export interface RulesTest {
  readonly series: readonly Series[];
  /** Minutes between two evaluations of the rules; promtool does not look at the groups' own. Default 1. */
  readonly every?: number;
  readonly expect: readonly Expectation[];
}

/** What Prometheus' own test runner says of the rules: empty where all is as expected. */
export async function testRules(groups: readonly RuleGroup[], { series, every = 1, expect }: RulesTest): Promise<string> {
  const file = {
    rule_files: ["rules.json"],
    evaluation_interval: `${every}m`,
    // In no order otherwise: what sums counts would see the last ones or not.
    group_eval_order: groups.map(({ name }) => name),
    tests: [
      {
        interval: "1m",
        input_series: series.map((one) => ({ series: one.name, values: "values" in one ? one.values : valuesOf(one.segments) })),
        promql_expr_test: expect.map(({ at, expr, value }) => ({
          expr,
          eval_time: `${at}m`,
          exp_samples: value === undefined ? [] : [{ labels: "{}", value }],
        })),
      },
    ],
  };
  const { code, output } = await promtool(["test", "rules", "test.json"], { "rules.json": { groups }, "test.json": file });
  return code === 0 ? "" : output;
}

/** The rules that record these series alone. */
export function recording(groups: readonly RuleGroup[], ...series: readonly string[]): readonly RuleGroup[] {
  return groups.map((group) => ({ ...group, rules: group.rules.filter((rule) => "record" in rule && series.includes(rule.record)) }));
}

/** What promtool finds wrong with the rules: empty where nothing is. */
export async function checkRules(groups: readonly RuleGroup[]): Promise<string> {
  return checkFile("rules.json", { groups });
}

/** The same of a rule file as it is written. */
export async function checkRuleFile(file: string): Promise<string> {
  return checkFile("rules.yaml", file);
}

async function checkFile(name: string, content: object | string): Promise<string> {
  const { code, output } = await promtool(["check", "rules", "--lint=all", "--lint-fatal", name], { [name]: content });
  return code === 0 ? "" : output;
}

/** A counter that has counted for long: where it is 0, Prometheus takes it that it began there. */
const COUNTED_BEFORE = 1_000_000_000;

function valuesOf(segments: Counted["segments"]): string {
  let value = COUNTED_BEFORE;
  const parts = [String(value)];
  for (const { minutes, perMinute } of segments) {
    parts.push(`${value + perMinute}+${perMinute}x${minutes - 1}`);
    value += perMinute * minutes;
  }
  return parts.join(" ");
}

async function promtool(
  args: readonly string[],
  files: Readonly<Record<string, object | string>>,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const dir = await mkdtemp(join(tmpdir(), "platform-operator-promtool-"));
  try {
    for (const [name, content] of Object.entries(files)) {
      await writeFile(join(dir, name), typeof content === "string" ? content : JSON.stringify(content));
    }
    const child = spawn(inject("prometheus").promtool, args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
    return { code: child.exitCode, output: `${stdout}${stderr}` };
  } finally {
    await rm(dir, { recursive: true });
  }
}
