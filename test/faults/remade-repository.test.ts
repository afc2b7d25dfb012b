import { CreateRepositoryCommand, DeleteRepositoryCommand, GetLifecyclePolicyCommand } from "@aws-sdk/client-ecr";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { ObjectKey } from "../../src/crds/meta.ts";
import { push, ready, untilFalse, untilReady } from "../support/bench-services.ts";
import { startFaultBench, type FaultBench } from "../support/fault-bench.ts";
import { repositoryOf } from "../support/platform.ts";

/** A repository that was deleted and made again while nobody saw it: what a bulk read tells of it is as before, but for when it was made. Its images are gone, and maybe it is not ours. */

let bench: FaultBench;

beforeAll(async () => {
  bench = await startFaultBench();
});

afterEach(() => bench.aws.clearFaults());

afterAll(() => bench.stop());

/** Makes the service Ready, ends the operator and deletes the repository; resolves to its name. */
async function withoutRepository(key: ObjectKey): Promise<string> {
  await ready(bench, key);
  const repositoryName = repositoryOf(bench.watch.get(key)) ?? "";
  await bench.operator.stop();
  await bench.ecr.send(new DeleteRepositoryCommand({ repositoryName, force: true }));
  return repositoryName;
}

test("by an operator that is killed before it put the lifecycle policy: the next one puts it, and is not Ready until there is an image", async () => {
  const key = { namespace: "remade-by-us", name: "api" };
  const repositoryName = await withoutRepository(key);
  await bench.aws.addFaults({ match: { operation: "CreateRepository" }, fault: { kind: "latency", ms: 600_000 } });
  await bench.startOperator();
  await expect.poll(async () => (await bench.aws.faults())[0]?.applied, { timeout: 60_000 }).toBe(1);
  await bench.operator.kill();
  await bench.aws.clearFaults();
  await expect(bench.ecr.send(new GetLifecyclePolicyCommand({ repositoryName }))).rejects.toThrow("Lifecycle policy does not exist");

  await bench.startOperator();
  expect(await untilFalse(bench, key, "ImageResolved", "ImageNotFound")).toContain("1.0.0");
  expect(await bench.ecr.send(new GetLifecyclePolicyCommand({ repositoryName }))).toHaveProperty("lifecyclePolicyText");
  await push(bench, key);
  await untilReady(bench, key);
});

test("by somebody else, without our tags: it is not taken for ours", async () => {
  const key = { namespace: "remade-by-others", name: "api" };
  const repositoryName = await withoutRepository(key);
  await bench.ecr.send(new CreateRepositoryCommand({ repositoryName, imageTagMutability: "IMMUTABLE" }));
  await bench.startOperator();
  expect(await untilFalse(bench, key, "RepositoryReady", "NotOwned")).toContain(repositoryName);
});
