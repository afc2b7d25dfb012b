import { ECRClient, DescribeRepositoriesCommand } from "@aws-sdk/client-ecr";
import { GetRoleCommand, NoSuchEntityException } from "@aws-sdk/client-iam";
import { API_VERSION } from "../../crds/meta.ts";
import { roleName } from "../../resources/iam/role.ts";
import { adminClient, adminIam } from "../environment.ts";
import { pushImage } from "../image.ts";
import { isReady } from "../service-watch.ts";
import { eventually, holds, isAbsent, same, type Claim, type DemoContext } from "./claims.ts";

/** Claims about the end of a service's life, and about its metrics. */

const NAMESPACE = "retired";
const DELETION_MS = 60_000;

type Propagation = "background" | "foreground" | "orphan";

function deletion(propagation: Propagation, title: string, leaves: { readonly role: boolean; readonly deployment: boolean }): Claim {
  return {
    title,
    async check(context) {
      const { plane, config } = context.environment;
      const key = { namespace: NAMESPACE, name: `by-${propagation}` };
      await create(context, key.name);
      await plane.kubectl(["delete", "platformservice", key.name, "-n", NAMESPACE, `--cascade=${propagation}`, "--timeout=60s"]);
      await eventually(async () => {
        same(await roleExists(context, roleName(key, config)), leaves.role, "the role is still there");
        same(!(await isAbsent(context, `deployment/${key.name}`, "-n", NAMESPACE)), leaves.deployment, "the Deployment is still there");
      }, DELETION_MS);
      const ecr = new ECRClient(adminClient(config, context.environment.emulator.url));
      await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [`${NAMESPACE}/${key.name}`] }));
      ecr.destroy();
      if (leaves.deployment) await plane.kubectl(["delete", "deployment", key.name, "-n", NAMESPACE]);
    },
  };
}

export const lifeClaims: readonly Claim[] = [
  deletion("background", "deleted (background): role and children go, the repository with its images stays", {
    role: false,
    deployment: false,
  }),
  deletion("foreground", "deleted (foreground, as Argo CD prunes): the same", { role: false, deployment: false }),
  deletion("orphan", "deleted (orphan): everything is kept, in the cluster and in AWS", { role: true, deployment: true }),
  {
    title: "the metrics know each service, its conditions, and the drift that was put back",
    async check(context) {
      const text = await (await fetch(`${context.environment.operator.telemetryUrl}/metrics`)).text();
      const value = (line: string): number =>
        Number(
          text
            .split("\n")
            .find((l) => l.startsWith(line))
            ?.split(" ")
            .at(-1),
        );
      same(value('platform_service_condition{namespace="tracking",name="tracking",type="Ready"}'), 1, "Ready of tracking");
      holds(value('platform_service_drift_corrected_total{kind="NetworkPolicy"}') >= 1, "no NetworkPolicy drift was counted");
      holds(!text.includes(`name="by-background"`), "a deleted service still has series");
    },
  },
];

async function create(context: DemoContext, name: string): Promise<void> {
  const { plane, config, emulator } = context.environment;
  await plane.kubectl(["apply", "-f", "-"], {
    input: JSON.stringify({ apiVersion: "v1", kind: "Namespace", metadata: { name: NAMESPACE } }),
  });
  const service = {
    apiVersion: API_VERSION,
    kind: "PlatformService",
    metadata: { name, namespace: NAMESPACE },
    spec: { owner: "retired-squad", tier: "tier-3", image: { tag: "1.0.0" }, port: 8080 },
  };
  await plane.kubectl(["apply", "-f", "-"], { input: JSON.stringify(service) });
  const key = { namespace: NAMESPACE, name };
  await context.watch.until(`${name} has its repository`, () => context.watch.get(key)?.status?.repository !== undefined, DELETION_MS);
  const ecr = new ECRClient(adminClient(config, emulator.url));
  await pushImage(ecr, { repository: `${NAMESPACE}/${name}`, tag: "1.0.0", architectures: ["amd64", "arm64"] });
  ecr.destroy();
  await context.watch.until(`${name} is Ready`, () => isReady(context.watch.get(key)), DELETION_MS);
}

async function roleExists({ environment }: DemoContext, name: string): Promise<boolean> {
  const iam = adminIam(environment.config, environment.emulator.url);
  try {
    await iam.send(new GetRoleCommand({ RoleName: name }));
    return true;
  } catch (error) {
    if (error instanceof NoSuchEntityException) return false;
    throw error;
  } finally {
    iam.destroy();
  }
}
