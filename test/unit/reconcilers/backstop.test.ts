import { expect, test } from "vitest";
import { servicePass } from "../../support/service-pass.ts";
import { deploymentState, ownDeployment } from "../../support/workload-states.ts";

/** How soon a service that waits for what a watch tells is looked at again all the same. */

const NOON = Date.parse("2026-11-25T12:00:00Z");

test("after as long as it has waited for the same, of the same spec", async () => {
  const progress = { state: "underWay", message: "waits for its pods" } as const;
  const it = servicePass(ownDeployment(deploymentState({ progress, rolledOut: false })));
  it.allDesired();
  const after = async (seconds: number, generation?: number): Promise<unknown> => {
    it.at(NOON + 1000 * seconds);
    if (generation !== undefined) it.change({ generation });
    return it.pass();
  };
  const recheck = (seconds: number): object => ({ state: "recheck", afterMs: 1000 * seconds });
  expect(await after(0)).toMatchObject(recheck(30));
  expect(await after(30)).toMatchObject(recheck(30));
  expect(await after(60)).toMatchObject(recheck(60));
  expect(await after(120)).toMatchObject(recheck(120));
  expect(await after(86_400)).toMatchObject(recheck(600));
  expect(await after(86_500, 2)).toMatchObject(recheck(30));
});
