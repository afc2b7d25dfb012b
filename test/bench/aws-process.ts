import { CreateRepositoryCommand, ECRClient } from "@aws-sdk/client-ecr";
import { EmulatorAdmin } from "../../emulator/admin-client.ts";
import type { RepositoryRecord } from "../../emulator/records.ts";
import { adminClient, startAws } from "../../src/cli/environment.ts";
import { pushImage } from "../../src/cli/image.ts";
import { readConfigFile } from "../../src/config.ts";
import type { OperatorConfig } from "../../src/crds/operator-config.ts";
import { TAG } from "./fleet.ts";

/** `node aws-process.ts CONFIG`: the account of a benchmark as a process of its own, so that its work is nobody else's. Says its url in one line, and ends when standard input closes. */

/** As AWS gives one who asks. */
const QUOTAS = { rolesPerAccount: 6_000, virtualNodesPerMesh: 2_000, virtualRoutersPerMesh: 2_000, virtualServicesPerMesh: 2_000 };

/** What a pipeline has pushed into a repository, to the emulator. */
async function pushed(config: OperatorConfig): Promise<Pick<RepositoryRecord, "images" | "layers">> {
  const emulator = await startAws(config);
  const ecr = new ECRClient(adminClient(config, emulator.url));
  await ecr.send(new CreateRepositoryCommand({ repositoryName: "any" }));
  await pushImage(ecr, { repository: "any", tag: TAG, architectures: ["amd64", "arm64"] });
  const { repositories } = await new EmulatorAdmin(emulator.url).state();
  ecr.destroy();
  await emulator.close();
  const [, { images, layers }] = repositories.find(([name]) => name === "any") ?? ["", { images: {}, layers: {} }];
  return { images, layers };
}

const config = readConfigFile(process.argv[2] ?? "");
const emulator = await startAws(config, { firstImages: await pushed(config), quotas: QUOTAS });
console.log(JSON.stringify({ url: emulator.url }));
process.stdin.resume().once("end", () => void emulator.close());
