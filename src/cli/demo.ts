import { once } from "node:events";
import { join } from "node:path";
import { parseArgs, styleText } from "node:util";
import { ECRClient } from "@aws-sdk/client-ecr";
import { ensurePrometheus } from "../../prometheus/build.ts";
import type { PlatformService } from "../crds/platform-service.ts";
import { keyString } from "../crds/meta.ts";
import { awsClaims } from "./demo/aws-claims.ts";
import type { Claim, DemoContext } from "./demo/claims.ts";
import { kubeClaims } from "./demo/kube-claims.ts";
import { lifeClaims } from "./demo/life-claims.ts";
import { meshClaims } from "./demo/mesh-claims.ts";
import { budgetClaims, sloClaims, startMeasuring } from "./demo/slo-claims.ts";
import { adminClient, startEnvironment, type Environment } from "./environment.ts";
import { pushImage } from "./image.ts";
import { instructions } from "./instructions.ts";
import { ROOT } from "./keys.ts";
import { startMonitoring, type Monitoring } from "./monitoring.ts";
import { announce, withdraw } from "./running.ts";
import { isReady, watchServices, type ServiceWatch } from "./service-watch.ts";

/** `npm run demo`: the platform, a Prometheus, seven services, and the proof of what is said of them. */

const HELP = `Usage: npm run demo [-- --once]

Starts what \`npm run up\` starts, and a Prometheus with what counts requests in place of a mesh; applies config/samples and
config/dev/demo-services.yaml, pushes their images once the repositories exist, shows each
condition as it turns, and then reads every claim back from AWS, the API server and Prometheus. It stays for a look around until Ctrl-C.

  --once   end after the claims: exit 0 if every one held, 1 with the first that did not
  --help   this text`;

const READY_MS = 120_000;
const colour = (format: "green" | "red" | "yellow" | "dim", text: string): string => styleText(format, text, { stream: process.stdout });

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: { once: { type: "boolean", default: false }, help: { type: "boolean", short: "h" } },
  });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  const asked = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM"), once(process, "SIGHUP")]);
  const { prometheus } = await ensurePrometheus({ env: process.env, progress: process.stderr });
  const monitoring = await startMonitoring(prometheus);
  try {
    return await run({ monitoring, asked, endsAtOnce: values.once });
  } finally {
    await monitoring.stop();
  }
}

interface Run {
  readonly monitoring: Monitoring;
  /** Resolves when the user has had enough. */
  readonly asked: Promise<unknown>;
  /** After the claims. */
  readonly endsAtOnce: boolean;
}

/** Resolves to the exit code. */
async function run({ monitoring, asked, endsAtOnce }: Run): Promise<number> {
  const log = (line: string): void => console.log(colour("dim", line));
  log(`Prometheus at ${monitoring.url}`);
  const environment = await startEnvironment({ configFile: monitoring.configFile, log });
  const watch = watchServices(environment.plane.adminKubeconfig);
  try {
    await announce(environment);
    const finished = await Promise.race([asked.then(() => undefined), show({ environment, monitoring, watch })]);
    if (finished === undefined) return 1;
    if (endsAtOnce) return finished;
    console.log(instructions(environment));
    console.log(`Prometheus answers at ${monitoring.url}; it has the rules that were there when the claims were read.`);
    await asked;
    return finished;
  } finally {
    await withdraw();
    await watch.close();
    await environment.stop();
  }
}

/** Resolves to the exit code. */
async function show(shown: Omit<DemoContext, "say">): Promise<number> {
  const { environment, watch } = shown;
  const started = performance.now();
  const stop = watch.subscribe((before, after) => printTransitions(before, after, (performance.now() - started) / 1000));
  console.log("\nSeven squads commit one file each:");
  for (const path of ["config/samples", "config/dev/demo-services.yaml"])
    await environment.plane.kubectl(["apply", "-f", join(ROOT, path)]);
  const services = 7;
  const pushed = pushImages(environment, watch, services);
  await Promise.all([
    pushed,
    watch.until("every service is Ready", () => watch.list().length >= services && watch.list().every(isReady), READY_MS),
  ]);
  stop();
  console.log(`\nAll Ready after ${((performance.now() - started) / 1000).toFixed(1)} s.\n`);
  console.log(await environment.plane.kubectl(["get", "psvc", "-A", "-o", "wide"]));
  await startMeasuring({ ...shown, say: (line) => console.log(line) });
  return prove(shown);
}

/** As pipelines would: once the repository exists, and not before. */
async function pushImages({ config, emulator }: Environment, watch: ServiceWatch, services: number): Promise<void> {
  const ecr = new ECRClient(adminClient(config, emulator.url));
  await watch.until(
    "every repository exists",
    () => watch.list().filter((s) => s.status?.repository !== undefined).length >= services,
    READY_MS,
  );
  for (const { metadata, spec } of watch.list()) {
    await pushImage(ecr, { repository: keyString(metadata), tag: spec.image.tag ?? "", architectures: ["amd64", "arm64"] });
    console.log(`         ${colour("dim", `a pipeline pushes ${keyString(metadata)}:${spec.image.tag ?? ""}`)}`);
  }
  ecr.destroy();
}

async function prove(shown: Omit<DemoContext, "say">): Promise<number> {
  console.log("Read back by clients that are not the operator's:");
  const claims: readonly Claim[] = [...kubeClaims, ...awsClaims, ...meshClaims, ...sloClaims, ...lifeClaims, ...budgetClaims];
  for (const claim of claims) {
    const measured: string[] = [];
    const context: DemoContext = { ...shown, say: (line) => measured.push(line) };
    try {
      await claim.check(context);
      console.log(`  ${colour("green", "✓")} ${[claim.title, ...measured].join(": ")}`);
    } catch (error) {
      console.log(`  ${colour("red", "✗")} ${claim.title}\n      ${error instanceof Error ? error.message : String(error)}`);
      return 1;
    }
  }
  console.log(`\n${String(claims.length)} claims held.`);
  return 0;
}

function printTransitions(before: PlatformService | undefined, after: PlatformService | undefined, seconds: number): void {
  if (!after) return;
  const known = new Map(before?.status?.conditions?.map((c) => [c.type, `${c.status} ${c.reason}`]));
  for (const c of after.status?.conditions ?? []) {
    if (c.type === "Reconciling" || c.type === "Stalled" || known.get(c.type) === `${c.status} ${c.reason}`) continue;
    const mark = colour(c.status === "True" ? "green" : c.status === "False" ? "red" : "yellow", c.status.padEnd(7));
    const note = c.status === "True" && c.type !== "Ready" ? "" : `: ${c.message.slice(0, 100)}`;
    console.log(
      `${seconds.toFixed(1).padStart(6)} s ${keyString(after.metadata).padEnd(22)} ${c.type.padEnd(22)} ${mark} ${c.reason}${c.message === "" ? "" : colour("dim", note)}`,
    );
  }
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const wrongUsage = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  console.error(`demo: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = wrongUsage ? 2 : 1;
}
