import { afterAll, beforeAll, expect, test } from "vitest";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";

/** How often one call is tried. */

let aws: EmulatedAws;

beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(() => aws.close());

const CALL = "ecr:GetRegistryScanningConfiguration";
/** So many calls that fail use up what the SDK allows itself of retries. */
const MANY = 60;

/** How many tries the next call takes while `times` of them fail, and whether it succeeds then. */
async function tries(times?: number): Promise<readonly [string, number]> {
  aws.recorder.clear();
  await aws.emulator.clearFaults();
  if (times !== 0)
    await aws.emulator.addFaults({
      match: { operation: "GetRegistryScanningConfiguration" },
      ...(times !== undefined && { times }),
      fault: { kind: "http500" },
    });
  const outcome = await aws.operator.bulk.registry().then(
    () => "succeeds" as const,
    () => "fails" as const,
  );
  return [outcome, aws.recorder.codes(CALL).length];
}

test("again where the answer broke off in its body", async () => {
  aws.recorder.clear();
  await aws.emulator.addFaults({ match: { operation: "GetRegistryScanningConfiguration" }, times: 2, fault: { kind: "half" } });
  await aws.operator.bulk.registry();
  expect(aws.recorder.codes(CALL)).toEqual(["UND_ERR_SOCKET", "UND_ERR_SOCKET", "OK"]);
  await aws.emulator.clearFaults();
});

test("three times; once where AWS has not answered for long; three times again as soon as it has", async () => {
  expect(await tries()).toEqual(["fails", 3]);
  await Promise.allSettled(Array.from({ length: MANY }, () => aws.operator.bulk.registry()));
  expect(await tries()).toEqual(["fails", 1]);
  expect(await tries(0)).toEqual(["succeeds", 1]);
  expect(await tries(2)).toEqual(["succeeds", 3]);
});
