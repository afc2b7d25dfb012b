/** `npm run conformance`: the same probes, by AWS's own clients, against this emulator, moto and ministack; see known-differences.json. */
import { parseArgs } from "node:util";
import { commandLine, HELP_OPTION } from "../../scripts/command-line.ts";
import knownDifferences from "./known-differences.json" with { type: "json" };
import { EmulatorAdmin } from "../admin-client.ts";
import { apsService } from "../services/aps/service.ts";
import { appMeshService } from "../services/appmesh/service.ts";
import { ecrService } from "../services/ecr/service.ts";
import { eksAuthService } from "../services/eks-auth/service.ts";
import { eksService } from "../services/eks/service.ts";
import { iamService } from "../services/iam/service.ts";
import { stsService } from "../services/sts/service.ts";
import { PeerUnavailable, startMinistack, startMoto } from "./peers.ts";
import type { Probe, Target } from "./probe.ts";
import { ALL_PROBES } from "./probes/all.ts";
import { judge, table, type KnownDifference, type Result } from "./report.ts";
import { emulatorTarget, ministackTarget, motoTarget } from "./targets.ts";

const HELP = `Usage: npm run conformance [-- options]

Probes the AWS emulator, moto and ministack with the same calls, and compares with the committed list of differences.

  --only TEXT    only probes whose "service:operation sentence" has TEXT, in any case; the list of differences is then checked for those only
  --verbose      print every probe, and why it failed
  --help         this text

Exit codes: 0 as expected, 1 a probe that should pass fails, or a listed difference is gone, 2 wrong usage, or moto or ministack cannot be
installed or started.`;

const APP_MESH_NOTE =
  "appmesh and eks-auth have no independent peer: moto has no VirtualService and its App Mesh answers break the JavaScript SDK, ministack has neither.";

function identity({ service, operation, name }: Probe): string {
  return `${service}:${operation} ${name}`;
}

async function runProbe(probe: Probe, target: Target): Promise<Result> {
  const common = { probe: identity(probe), service: probe.service, operation: probe.operation, target: target.name };
  if (!probe.targets.includes(target.name)) return { ...common, outcome: "notApplicable", why: "" };
  try {
    await probe.run(target);
    return { ...common, outcome: "pass", why: "" };
  } catch (error) {
    return { ...common, outcome: "fail", why: error instanceof Error ? error.message : String(error) };
  }
}

async function runAll(probes: readonly Probe[], target: Target): Promise<Result[]> {
  const results: Result[] = [];
  for (const probe of probes) results.push(await runProbe(probe, target)); // one by one: some count what a whole account has
  return results;
}

/** Operations of the emulator that no probe called: nothing has looked at them. */
async function operationsNeverCalled(target: Target): Promise<string[]> {
  const { operations: called } = await new EmulatorAdmin(target.url).counters();
  const built = [stsService(), iamService(), ecrService(), eksService(), eksAuthService(), appMeshService(), apsService()].flatMap(
    ({ name, operations }) => [...operations.keys()].map((key) => `${name}:${key}`),
  );
  return built.filter((operation) => called[operation] === undefined);
}

async function main(only: string, verbose: boolean): Promise<number> {
  const wanted = (name: string): boolean => name.toLowerCase().includes(only.toLowerCase());
  const probes = ALL_PROBES.filter((probe) => wanted(identity(probe)));
  if (probes.length === 0) {
    console.error(`conformance: no probe has "${only}"`);
    return 1;
  }
  const targets: Target[] = [];
  const results: Result[] = [];
  let unprobed: readonly string[] = [];
  try {
    targets.push(motoTarget(await startMoto())); // the peers first, since they can be missing
    targets.push(await ministackTarget(await startMinistack()));
    targets.unshift(await emulatorTarget());
    for (const target of targets) {
      results.push(...(await runAll(probes, target)));
      if (target.name === "emulator") unprobed = await operationsNeverCalled(target);
    }
  } catch (error) {
    if (!(error instanceof PeerUnavailable)) throw error;
    console.error(`conformance: ${error.message}`);
    return 2;
  } finally {
    await Promise.all(targets.map((target) => target.close()));
  }
  const silent = only === "" ? unprobed : [];
  const all: readonly KnownDifference[] = knownDifferences;
  const known = all.filter(({ probe }) => wanted(probe));
  console.log(table(results));
  if (results.some(({ service }) => service === "appmesh")) console.log(APP_MESH_NOTE);
  if (verbose)
    for (const { target, probe, outcome, why } of results)
      console.log(`${outcome.padEnd(5)} ${target.padEnd(9)} ${probe}${why === "" ? "" : `\n      ${why.split("\n")[0] ?? ""}`}`);
  const verdict = judge(results, known, silent);
  for (const line of verdict.problems) console.error(line);
  console.log(verdict.summary);
  return verdict.problems.length === 0 ? 0 : 1;
}

const { values } = commandLine(HELP, () =>
  parseArgs({
    options: { ...HELP_OPTION, only: { type: "string", default: "" }, verbose: { type: "boolean", default: false } },
  }),
);
process.exitCode = await main(values.only, values.verbose);
