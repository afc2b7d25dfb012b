import { ListWorkspacesCommand } from "@aws-sdk/client-amp";
import { ListMeshesCommand } from "@aws-sdk/client-app-mesh";
import { DescribeRepositoriesCommand } from "@aws-sdk/client-ecr";
import { ListPodIdentityAssociationsCommand } from "@aws-sdk/client-eks";
import { ListRolesCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startEmulator, type Emulator } from "../../../emulator/server.ts";
import { createClients, type AwsClients } from "../../../src/aws/clients.ts";
import { operatorConfig } from "../../support/aws/operator-config.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** What `aws.endpoint` and `aws.limits` of the configuration do: where calls go, and how many a second. */

let emulator: Emulator;

beforeAll(async () => {
  const { cluster } = operatorConfig();
  const clusters = [{ name: cluster.name, oidcIssuer: cluster.oidcIssuer }];
  emulator = await startEmulator({ accountId: cluster.accountId, region: cluster.region, clusters, allowAnyKey: true });
});

afterAll(() => emulator.close());

const CALLS: Readonly<Record<"iam" | "ecr" | "eks" | "appmesh" | "aps", (clients: AwsClients) => Promise<unknown>>> = {
  iam: ({ iam }) => iam.send(new ListRolesCommand()),
  ecr: ({ ecr }) => ecr.send(new DescribeRepositoriesCommand()),
  appmesh: ({ appMesh }) => appMesh.send(new ListMeshesCommand()),
  aps: ({ amp }) => amp.send(new ListWorkspacesCommand({})),
  eks: ({ eks }) => eks.send(new ListPodIdentityAssociationsCommand({ clusterName: operatorConfig().cluster.name })),
};

test.each([
  ["iam", "2/s", 2],
  ["ecr", "3/s", 3],
  ["eks", "1/s", 1],
  ["appmesh", "2/s", 2],
  ["aps", "2/s", 2],
] as const)("of five calls to %s at once a limit of %s lets %i go in the first second", async (service, limit, first) => {
  const clock = new FakeClock();
  const start = clock.monotonic();
  const gone: string[] = [];
  const clients = createClients(operatorConfig(emulator.url, { aws: { endpoint: emulator.url, limits: { [service]: limit } } }), {
    version: "test",
    clock,
    observer: { request: (of) => void gone.push(of) },
    credentials: { accessKeyId: "AKIATEST000000000000", secretAccessKey: "secret" },
  });
  const calls = Promise.all([1, 2, 3, 4, 5].map(() => CALLS[service](clients)));
  await expect.poll(() => gone).toHaveLength(first);
  for (; gone.length < 5; await new Promise(setImmediate)) clock.advance(clock.timers()[0] ?? 0);
  await calls;
  expect(gone).toEqual([1, 2, 3, 4, 5].map(() => service));
  expect(clock.monotonic() - start).toBeCloseTo(((5 - first) * 1000) / first);
  await clients.close();
});
