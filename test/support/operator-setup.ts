import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startEnvironment } from "../../src/cli/environment.ts";
import { infoOf } from "./platform.ts";

const CONFIG = join(import.meta.dirname, "operator-config.yaml");

/** Starts what `npm run up` starts, once for all files of the project `operator`; each file works in namespaces of its own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const environment = await startEnvironment({ configFile: CONFIG, audit: true, log: (line) => process.stderr.write(`${line}\n`) });
  project.provide("platform", infoOf(environment));
  return () => environment.stop();
}
