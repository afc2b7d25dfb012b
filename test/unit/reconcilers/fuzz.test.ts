import * as fc from "fast-check";
import { expect, test } from "vitest";
import { fuzzInputs, type FuzzInput } from "../../support/fuzz/inputs.ts";
import { NAMESPACES, refusedFields } from "../../support/fuzz/memory-platform.ts";
import { runInMemory, type MemoryRun } from "../../support/fuzz/memory-run.ts";
import { fuzzSeed, tableOf } from "../../support/fuzz/report.ts";
import { tally } from "../../support/tally.ts";

/**
 * Ten thousand PlatformServices that nobody would write, through the API server's own rules and then through passes in memory: each is refused by the API server, reported in
 * SpecValid with a field, Ready, or short of that for a reason outside its spec. Never is something written of one that is refused, or thrown, or asked for that would itself
 * be refused. FUZZ_SEED=… tries others, FUZZ_INPUTS=… more; what fails is made as small as it gets.
 */

const INPUTS = Number(process.env.FUZZ_INPUTS ?? "10000");
const SEED = fuzzSeed();

interface Input {
  readonly namespace: string;
  readonly input: FuzzInput;
}

const inputs: fc.Arbitrary<Input> = fc.oneof(
  ...Object.keys(NAMESPACES).map((namespace) => ({
    weight: namespace === "in-sidecars" ? 3 : 1,
    arbitrary: fuzzInputs({ namespace, refused: refusedFields }).map((input) => ({ namespace, input })),
  })),
);

function nameOf(ending: MemoryRun["ending"]): string {
  switch (ending.state) {
    case "notAdmitted":
      return "refused by the API server";
    case "refused":
      return "reported in SpecValid";
    case "ready":
      return "Ready";
    case "stated":
      return "valid, and says what outside its spec it waits for";
    case "silent":
      return "silent";
    default:
      return ending satisfies never;
  }
}

test(`${String(INPUTS)} services that nobody would write`, { timeout: 1_800_000 }, async () => {
  const endings = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(inputs, async ({ namespace, input }) => {
      const { ending, problems } = await runInMemory(input, namespace);
      const name = nameOf(ending);
      endings.set(name, (endings.get(name) ?? 0) + 1);
      expect(problems).toEqual([]);
    }),
    { numRuns: INPUTS, seed: SEED },
  );
  console.log(tableOf(`${String(INPUTS)} PlatformServices in memory, FUZZ_SEED=${String(SEED)}`, endings));
  tally({ what: "fuzzed PlatformServices in memory", tried: INPUTS, held: INPUTS - (endings.get("silent") ?? 0) });
  // Most come to the operator, and many all the way.
  expect(endings.get("refused by the API server")).toBeLessThan(INPUTS / 2);
  expect(endings.get("Ready")).toBeGreaterThan(INPUTS / 8);
  expect(endings.get("reported in SpecValid")).toBeGreaterThan(INPUTS / 8);
});
