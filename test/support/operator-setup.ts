import type { TestProject } from "vitest/node";
import { startEnvironment } from "../../src/cli/environment.ts";

/** Starts what `npm run up` starts, once for all files of the project `operator`; each file works in namespaces of its own. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const environment = await startEnvironment({ audit: true, log: (line) => process.stderr.write(`${line}\n`) });
  const { plane, emulator, operator, operatorKubeconfig, configFile } = environment;
  project.provide("platform", {
    url: plane.url,
    dir: plane.dir,
    binDir: plane.binDir,
    caFile: plane.caFile,
    adminKubeconfig: plane.adminKubeconfig,
    auditLogFile: plane.auditLogFile ?? "",
    awsEndpoint: emulator.url,
    telemetryUrl: operator.telemetryUrl,
    operatorLogFile: operator.logFile,
    operatorKubeconfig,
    configFile,
  });
  return () => environment.stop();
}
