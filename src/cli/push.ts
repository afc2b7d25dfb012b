import { parseArgs } from "node:util";
import { ECRClient, RepositoryNotFoundException } from "@aws-sdk/client-ecr";
import { KubeConfig } from "@kubernetes/client-node";
import { readConfigFile } from "../config.ts";
import { repositoryName } from "../crds/effective.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { platformServiceSpec } from "../crds/platform-service.ts";
import { systemClock } from "../kube/clock.ts";
import { KINDS } from "../kube/kinds.ts";
import { createTransport } from "../kube/transport.ts";
import { KubeError } from "../reconcilers/ports.ts";
import { adminClient } from "./environment.ts";
import { pushImage } from "./image.ts";
import { findRunning, type Announcement } from "./running.ts";

/** `npm run push -- <namespace>/<name> <tag>`: puts an image of a service into the running environment's ECR. */

const HELP = `Usage: npm run push -- <namespace>/<name> <tag> [--arch amd64,arm64]

Pushes a small image to the ECR repository of a PlatformService, as a pipeline would, in the AWS emulator of the
environment that \`npm run up\` or \`npm run demo\` has started. The repository must exist: the operator makes it.

  --arch LIST   architectures of the image; default amd64,arm64
  --help        this text

Exit codes: 0 pushed (or already there), 1 failed, 2 wrong usage.`;

class UsageError extends Error {}

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { arch: { type: "string", default: "amd64,arm64" }, help: { type: "boolean", short: "h" } },
  });
  if (values.help === true) {
    console.log(HELP);
    return;
  }
  const [service, tag, ...rest] = positionals;
  const match = /^([a-z0-9-]+)\/([a-z0-9-]+)$/.exec(service ?? "");
  if (!match || tag === undefined || rest.length > 0) throw new UsageError("name the service as <namespace>/<name>, and a tag");
  const running = await findRunning();
  if (!running) throw new Error("no environment runs on this machine: start one with `npm run up`");
  const config = readConfigFile(running.configFile);
  const repository = await repositoryOf({ namespace: String(match[1]), name: String(match[2]) }, running, config);
  const ecr = new ECRClient(adminClient(config, running.awsEndpoint));
  try {
    const digest = await pushImage(ecr, { repository, tag, architectures: values.arch.split(",") });
    console.log(`pushed ${repository}:${tag}@${digest}`);
  } catch (error) {
    if (!(error instanceof RepositoryNotFoundException)) throw error;
    throw new Error(`repository ${repository} does not exist yet: apply the PlatformService and wait for its RepositoryReady`, {
      cause: error,
    });
  } finally {
    ecr.destroy();
  }
}

/** The repository that the service names; without such a service, the default for its name. */
async function repositoryOf(key: { namespace: string; name: string }, running: Announcement, config: OperatorConfig): Promise<string> {
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromFile(running.kubeconfig);
  const transport = createTransport(kubeConfig, { version: "push", clock: systemClock });
  try {
    const object = await transport.get({ resource: KINDS.PlatformService, ...key });
    return repositoryName(key, platformServiceSpec.partial().parse(object.spec), config);
  } catch (error) {
    if (error instanceof KubeError && error.class === "notFound") return repositoryName(key, {}, config);
    throw error;
  } finally {
    await transport.close();
  }
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  const wrongUsage =
    error instanceof UsageError || (error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS"));
  console.error(`push: ${error instanceof Error ? error.message : String(error)}${wrongUsage ? " (see --help)" : ""}`);
  process.exitCode = wrongUsage ? 2 : 1;
}
