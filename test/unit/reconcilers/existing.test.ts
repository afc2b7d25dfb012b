import { CreateRepositoryCommand, PutImageTagMutabilityCommand } from "@aws-sdk/client-ecr";
import { CreateRoleCommand, UpdateAssumeRolePolicyCommand } from "@aws-sdk/client-iam";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { OrphanReport } from "../../../src/controllers/orphan-report.ts";
import { RegistryReport } from "../../../src/controllers/registry-report.ts";
import { sweepOnce } from "../../../src/controllers/sweep.ts";
import type { ObjectKey } from "../../../src/crds/meta.ts";
import { systemClock } from "../../../src/kube/clock.ts";
import { useExistingRepository } from "../../../src/reconcilers/platform-service/existing-repository.ts";
import { identityStep } from "../../../src/reconcilers/platform-service/identity.ts";
import { repositoryStep } from "../../../src/reconcilers/platform-service/repository.ts";
import { nothingYet, type RemoveScope, type Scope } from "../../../src/reconcilers/platform-service/scope.ts";
import type { DeploymentState, PodState } from "../../../src/reconcilers/ports.ts";
import { identityHash } from "../../../src/resources/deployment.ts";
import { buildRole, roleArn } from "../../../src/resources/iam/role.ts";
import { createMetrics } from "../../../src/telemetry/metrics.ts";
import { emulatedAws, type EmulatedAws } from "../../support/aws/emulated.ts";
import { service } from "../../support/aws/service.ts";
import { awsRemoveScope } from "../../support/remove-scope.ts";
import { deploymentState, ownDeployment, podState } from "../../support/workload-states.ts";

/** The steps of a service that uses what others own, against the emulator, with the cluster as the test says it is. */

const BOUNDARY = "arn:aws:iam::111122223333:policy/platform-boundary";
const QUIET = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

let aws: EmulatedAws;
let key: ObjectKey;
let ports: RemoveScope;
let count = 0;

beforeAll(async () => {
  aws = await emulatedAws({ registry: { mode: "Existing" } });
});
afterAll(async () => aws.close());
beforeEach(() => {
  key = { namespace: "tracking", name: `s${++count}` };
  ports = awsRemoveScope(aws, key, { owner: "tracking-squad", tier: "tier-2", image: {} });
  aws.recorder.clear();
});

interface Cluster {
  /** Of each pod: under which role it runs. */
  readonly pods?: readonly string[];
  /** Of the pod template; absent: there is no Deployment. */
  readonly template?: string;
  readonly rolledOut?: boolean;
}

/** One pass's scope, in the process that `ports` stands for. */
function pass(spec: object, { pods = [], template, rolledOut = true }: Cluster = {}): Scope {
  const pod = (arn: string): PodState => podState({ identity: identityHash("IRSA", arn) });
  const deployment = (arn: string): DeploymentState => deploymentState({ identity: identityHash("IRSA", arn), rolledOut });
  return {
    ...ports,
    world: {
      ...ports.world,
      pods: () => pods.map(pod),
      ...ownDeployment(template === undefined ? undefined : deployment(template)),
    },
    children: { ...ports.children, owned: () => [], get: () => undefined },
    service: service(spec, key, ports.config),
    owner: { apiVersion: "v1", kind: "PlatformService", key, uid: "service-uid" },
    namespaceLabels: {},
    ...nothingYet(),
    previous: [],
    reports: new Map(),
  };
}

/** What it finds by a difference: nothing has its turn. */
async function sweep({ operator } = aws): Promise<readonly string[]> {
  const asked: string[] = [];
  const enqueue = ({ name }: ObjectKey): void => void asked.push(name);
  const metrics = createMetrics({ version: "test", perService: "Full" });
  const registry = new RegistryReport({ prefix: "", log: QUIET, metrics });
  const of = { config: ports.config, reader: operator.tags, services: () => [], namespaceLabels: () => ({}), metrics };
  const orphans = new OrphanReport(of);
  const config = { ...ports.config, aws: { ...ports.config.aws, sweepInterval: "0s" } };
  const ofCluster = () => ({ registry, orphans });
  await sweepOnce({ config, reigns: () => [ports], ofCluster, bulk: operator.bulk, clock: systemClock, log: QUIET, enqueue });
  return asked;
}

describe("a role that others own", () => {
  let arn: string;
  let own: string;
  const trust = (...subjects: string[]) => {
    const { trustPolicy } = buildRole(service({}, key), aws.config);
    const sub = `system:serviceaccount:${key.namespace}:${key.name}`;
    return JSON.stringify(trustPolicy).replace(JSON.stringify(sub), JSON.stringify([sub, ...subjects]));
  };

  beforeEach(async () => {
    const RoleName = `theirs-${count}`;
    await aws.iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: trust(), PermissionsBoundary: BOUNDARY }));
    arn = `arn:aws:iam::111122223333:role/${RoleName}`;
    own = roleArn(key, aws.config);
    await ports.roles.converge(buildRole(service({}, key), aws.config));
    aws.recorder.clear();
  });

  const uses = (more: object = {}) => ({ aws: { existingRole: arn, ...more } });
  const ownIsThere = async () => (await aws.operator.roles.observe(buildRole(service({}, key), aws.config))).state === "present";

  test.each<[string, () => Cluster]>([
    ["a pod runs under it", () => ({ pods: [arn, own], template: arn })],
    ["the template is still of it", () => ({ pods: [], template: own })],
    ["the new template is not rolled out", () => ({ pods: [arn], template: arn, rolledOut: false })],
  ])("is used at once, and the service's own stays while %s", async (_, cluster) => {
    const scope = pass(uses(), cluster());
    expect(await identityStep.ensure(scope)).toMatchObject({ state: "ready", reason: "Verified", message: expect.stringContaining(arn) });
    expect(scope.facts.roleArn).toBe(arn);
    expect(await ownIsThere()).toBe(true);
    expect(aws.recorder.writes()).toEqual([]);
  });

  test.each<[string, () => Cluster]>([
    ["every pod and the template are of the other", () => ({ pods: [arn, arn], template: arn })],
    ["nothing runs", () => ({})],
  ])("is used, and the service's own goes once %s; a second pass makes no call", async (_, cluster) => {
    expect(await identityStep.ensure(pass(uses(), cluster()))).toEqual({ state: "ready", reason: "Verified", message: arn });
    expect(await ownIsThere()).toBe(false);
    aws.recorder.clear();
    await identityStep.ensure(pass(uses(), cluster()));
    expect(aws.recorder.calls()).toEqual([]);
  });

  test("is used, and the service's own stays for good where it is to be retained", async () => {
    await identityStep.ensure(pass(uses({ deletionPolicy: "Retain" })));
    expect(await ownIsThere()).toBe(true);
  });

  test("is given back for a role of the service's own, made again", async () => {
    await identityStep.ensure(pass(uses()));
    expect(await identityStep.ensure(pass({}))).toEqual({ state: "ready", message: own });
    expect(await ownIsThere()).toBe(true);
  });

  test("whose trust is changed is found by the sweep, refused without a role for the pods, and read afresh until it is mended", async () => {
    await identityStep.ensure(pass(uses()));
    expect(await sweep()).toEqual([]);
    const RoleName = arn.replace(/.*\//, "");
    const change = (document: string) => aws.iam.send(new UpdateAssumeRolePolicyCommand({ RoleName, PolicyDocument: document }));
    await change(trust().replace(`:${key.name}"`, ':other"'));
    expect(await sweep()).toEqual([key.name]);
    const scope = pass(uses());
    expect(await identityStep.ensure(scope)).toMatchObject({ state: "blocked", reason: "NotTrusted", recheckMs: 60_000 });
    expect(scope.facts.roleArn).toBeUndefined();
    await change(trust("system:serviceaccount:ops:debug"));
    expect(await identityStep.ensure(pass(uses()))).toEqual({
      state: "ready",
      reason: "TrustsOthers",
      message: `${arn}; its trust policy also has ServiceAccount ops/debug`,
    });
  });
});

describe("a repository that others own", () => {
  async function make(imageTagMutability: "IMMUTABLE" | "MUTABLE" = "IMMUTABLE"): Promise<void> {
    await aws.ecr.send(new CreateRepositoryCommand({ repositoryName: `tracking/${key.name}`, imageTagMutability }));
  }
  const TAG = { image: { tag: "1.0.0" } };
  const DIGEST = { image: { digest: `sha256:${"a".repeat(64)}` } };

  test("is used as it is, in one read, with no write", async () => {
    await make();
    const scope = pass(TAG);
    const uri = `111122223333.dkr.ecr.eu-west-1.amazonaws.com/tracking/${key.name}`;
    expect(await useExistingRepository(scope)).toEqual({
      state: "ready",
      reason: "UsedAsItIs",
      message: `${uri}; it has no tags of platform-operator.dev, and its owner says which images it keeps`,
    });
    expect(scope.facts.repository).toEqual({ arn: `arn:aws:ecr:eu-west-1:111122223333:repository/tracking/${key.name}`, uri });
    await useExistingRepository(pass(TAG));
    expect(aws.recorder.calls()).toEqual(["ecr:DescribeRepositories", "ecr:ListTagsForResource"]);
  });

  test("that is missing is asked for every time", async () => {
    expect(await useExistingRepository(pass(TAG))).toMatchObject({ state: "blocked", reason: "RepositoryNotFound", recheckMs: 60_000 });
    await make();
    expect(await useExistingRepository(pass(TAG))).toMatchObject({ state: "ready" });
  });

  test("whose tags move is refused for a tag, and told for a digest", async () => {
    await make("MUTABLE");
    expect(await useExistingRepository(pass(TAG))).toMatchObject({ state: "blocked", reason: "TagsMutable" });
    expect(await useExistingRepository(pass(DIGEST))).toMatchObject({
      state: "ready",
      message: expect.stringContaining("not as the configuration has it: imageTagMutability is mutable, should be IMMUTABLE"),
    });
  });

  test("that its owner changes is found by the sweep", async () => {
    await make();
    await useExistingRepository(pass(TAG));
    const repositoryName = `tracking/${key.name}`;
    await aws.ecr.send(new PutImageTagMutabilityCommand({ repositoryName, imageTagMutability: "MUTABLE" }));
    expect(await sweep()).toContain(key.name);
    expect(await useExistingRepository(pass(TAG))).toMatchObject({ state: "blocked", reason: "TagsMutable" });
  });
});

describe("below a prefix", () => {
  let prefixed: EmulatedAws;

  beforeAll(async () => {
    const tenancy = [{ namespaceSelector: {}, owners: ["*"], existingRepositories: ["shared/*"] }];
    prefixed = await emulatedAws({ registry: { repositoryPrefix: "prod/" }, tenancy });
  });
  afterAll(async () => prefixed.close());
  beforeEach(() => {
    ports = awsRemoveScope(prefixed, key, { owner: "tracking-squad", tier: "tier-2", image: {} });
    prefixed.recorder.clear();
  });

  async function make(repositoryName: string): Promise<void> {
    await prefixed.ecr.send(new CreateRepositoryCommand({ repositoryName, imageTagMutability: "IMMUTABLE" }));
  }
  const shared = () => ({ image: { repository: `shared/${key.name}`, repositoryMode: "Existing", tag: "1.0.0" } });

  test("a repository that the service names is the one of that whole name, and the sweep watches it", async () => {
    const repositoryName = `shared/${key.name}`;
    await make(repositoryName);
    const scope = pass(shared());
    expect(await repositoryStep.ensure(scope)).toMatchObject({ state: "ready", reason: "UsedAsItIs" });
    expect(scope.facts.repository).toMatchObject({ arn: `arn:aws:ecr:eu-west-1:111122223333:repository/${repositoryName}` });
    expect(await sweep(prefixed)).toEqual([]);
    expect(prefixed.recorder.writes()).toEqual([]);
    await prefixed.ecr.send(new PutImageTagMutabilityCommand({ repositoryName, imageTagMutability: "MUTABLE" }));
    expect(await sweep(prefixed)).toEqual([key.name]);
    expect(await repositoryStep.ensure(pass(shared()))).toMatchObject({ state: "blocked", reason: "TagsMutable" });
  });

  test("one that it does not name is below the prefix", async () => {
    const existing = { image: { repositoryMode: "Existing", tag: "1.0.0" } };
    expect(await repositoryStep.ensure(pass(existing))).toMatchObject({
      state: "blocked",
      reason: "RepositoryNotFound",
      message: expect.stringContaining(`ECR repository prod/tracking/${key.name} does not exist`),
    });
  });

  test("its own is read afresh when the service comes back to it", async () => {
    const own = { image: { repository: `tracking/${key.name}` } };
    await make(own.image.repository);
    await repositoryStep.ensure(pass(own));
    const uri = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
    const theirs = await repositoryStep.ensure(pass({ image: { ...own.image, repositoryMode: "Existing" } }));
    expect(theirs).toMatchObject({ state: "ready", message: expect.stringContaining(`${uri}/tracking/${key.name}`) });
    prefixed.recorder.clear();
    expect(await repositoryStep.ensure(pass(own))).toMatchObject({ state: "ready", message: `${uri}/prod/tracking/${key.name}` });
    expect(prefixed.recorder.calls()).toContain("ecr:DescribeRepositories");
  });

  test.each([
    ["by default", () => ({}), () => "set spec.image.repositoryMode to Existing to use it as it is"],
    [
      "by the spec",
      () => ({ image: { repository: `tracking/${key.name}` } }),
      () =>
        `delete this PlatformService and apply it again with spec.image.repository prod/tracking/${key.name} and repositoryMode Existing to use it as it is`,
    ],
  ])("one of others under the name that its own has %s is refused, with how it could be used", async (_, spec, way) => {
    await make(`prod/tracking/${key.name}`);
    const report = await repositoryStep.ensure(pass(spec()));
    expect(report).toMatchObject({ state: "blocked", reason: "NotOwned", message: expect.stringContaining(way()) });
  });
});
