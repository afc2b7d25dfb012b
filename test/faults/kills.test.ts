import { afterAll, beforeAll, expect, test } from "vitest";
import { OPERATOR_KEY } from "../../src/cli/keys.ts";
import { liveUnderKills, type Assassin } from "../support/assassin.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { FaultLives } from "../support/fault-lives.ts";
import { seededRandom } from "../../emulator/seeded-random.ts";
import { IS_THOROUGH, SEED } from "../support/thoroughness.ts";

/**
 * The operator is killed at twenty moments of lives that are lived side by side and started again each time; at two hundred by `npm run test:kill`. A moment is a call that it makes
 * for one service, seen on its way and carried out without it: never a wall time. The other services are then wherever they are.
 */

const DEATHS = 20;
/** A few more than deaths, since two moments may come at once, and a life may end before the second is made up for. */
const MOMENTS = 26;
const ROUNDS = Array.from({ length: IS_THOROUGH ? 10 : 1 }, (_, round) => round);

let bench: FaultBench;
let lives: FaultLives;
let assassin: Assassin | undefined;
const random = seededRandom(SEED);

beforeAll(async () => {
  bench = await startFaultBench({
    onAwsCall({ service, operation, body, accessKeyId }) {
      if (accessKeyId === OPERATOR_KEY) assassin?.saw("aws", `${service}:${operation}`, (namespace) => body.includes(namespace));
    },
  });
  lives = await FaultLives.record(bench, ["life", "mesh"]);
});

afterAll(() => bench.stop());

test.each(ROUNDS)("killed at twenty moments and started again, round %i: the same end, and nothing written after it", async () => {
  const moments = lives.moments(MOMENTS, random);
  const { deaths, problems } = await liveUnderKills({ bench, lives }, { what: "kills of the operator", moments, arm });
  expect(problems).toEqual({});
  expect(deaths).toBeGreaterThanOrEqual(DEATHS);
});

function arm(plan: Assassin | undefined): void {
  assassin = plan;
}
