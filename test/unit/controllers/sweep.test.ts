import { PutLifecyclePolicyCommand } from "@aws-sdk/client-ecr";
import { PutRolePolicyCommand, UpdateRoleCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { RegistryReport } from "../../../src/controllers/registry-report.ts";
import { sweepOnce, type SweepOptions } from "../../../src/controllers/sweep.ts";
import { systemClock } from "../../../src/kube/clock.ts";
import { Borrowed } from "../../../src/reconcilers/borrowed.ts";
import { Converger } from "../../../src/reconcilers/converge.ts";
import { MeshConvergers } from "../../../src/reconcilers/mesh-convergers.ts";
import { buildRepository } from "../../../src/resources/ecr/repository.ts";
import { buildRole } from "../../../src/resources/iam/role.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { ANYTHING, emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { service } from "../../support/aws/service.ts";

/** The sweep against the emulator: what it finds in bulk, and what only its turn tells. */

const HOUR_MS = 3_600_000;
const NAMES = ["a", "b", "c"];
const WISHES = NAMES.map((name) => service({}, { namespace: "sweep", name }));
const QUIET: SweepOptions["log"] = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let aws: EmulatedAws;
let options: SweepOptions;
let asked: string[];

beforeAll(async () => {
  aws = await emulatedAws();
});
afterAll(async () => aws.close());

beforeEach(async () => {
  asked = [];
  options = {
    roles: new Converger(aws.operator.roles),
    existingRoles: new Borrowed(aws.operator.existingRoles),
    repositories: new Converger(aws.operator.repositories),
    existingRepositories: new Borrowed(aws.operator.existingRepositories),
    associations: new Converger(aws.operator.associations),
    appMesh: new MeshConvergers(aws.operator.mesh),
    routesOfRouter: new Borrowed(aws.operator.mesh.routesOfRouter),
    config: aws.config,
    bulk: aws.operator.bulk,
    registry: new RegistryReport({ prefix: "", log: QUIET, metrics: createMetrics({ version: "test", perService: "Full" }) }),
    intervalMs: 2 * HOUR_MS,
    clock: systemClock,
    log: QUIET,
    enqueue: ({ name }) => void asked.push(name),
  };
  await passes();
});

/** A pass over each service. */
async function passes(): Promise<void> {
  for (const wish of WISHES) {
    await options.roles.converge(buildRole(wish, aws.config));
    await options.repositories.converge(buildRepository(wish, aws.config));
  }
}

const roleOf = (name: string): string => `eu-west-1.demo.sweep.${name}`;

describe("what the bulk read tells", () => {
  test("is found in the one sweep, and nothing else is asked for but those whose turn it is", async () => {
    await aws.iam.send(new PutRolePolicyCommand({ RoleName: roleOf("c"), PolicyName: "extra", PolicyDocument: ANYTHING }));
    await sweepOnce(options);
    // c by its difference; then the turn of the role and of the repository that were read the longest ago.
    expect(asked).toEqual(["c", "a", "a"]);
  });
});

describe("what no bulk read tells", () => {
  test("has its turn within six hours: a role's session duration, a repository's lifecycle policy", async () => {
    await aws.iam.send(new UpdateRoleCommand({ RoleName: roleOf("b"), MaxSessionDuration: 7200 }));
    const rule = {
      rulePriority: 1,
      selection: { tagStatus: "any", countType: "imageCountMoreThan", countNumber: 1 },
      action: { type: "expire" },
    };
    await aws.ecr.send(
      new PutLifecyclePolicyCommand({ repositoryName: "sweep/b", lifecyclePolicyText: JSON.stringify({ rules: [rule] }) }),
    );

    await sweepOnce(options);
    expect(asked, "not b yet: no bulk read has told").toEqual(["a", "a"]);
    await sweepOnce(options);
    await sweepOnce(options);
    expect(asked).toEqual(["a", "a", "b", "b", "c", "c"]);

    const wish = WISHES[1] ?? service();
    const role = await options.roles.converge(buildRole(wish, aws.config));
    const repository = await options.repositories.converge(buildRepository(wish, aws.config));
    expect(role).toMatchObject({ corrected: [{ field: "maxSessionDuration" }] });
    expect(repository).toMatchObject({ corrected: [{ field: "lifecyclePolicy" }] });
  });

  test("has its turn for every service at each sweep that comes once in six hours", async () => {
    await sweepOnce({ ...options, intervalMs: 6 * HOUR_MS });
    expect(asked).toEqual(["a", "b", "c", "a", "b", "c"]);
  });
});
