import { once } from "node:events";
import { parseArgs } from "node:util";
import { startEnvironment } from "./environment.ts";
import { instructions } from "./instructions.ts";
import { announce, withdraw } from "./running.ts";

/** `npm run up`: the whole platform with no services, until Ctrl-C. */

const HELP = `Usage: npm run up [-- --config FILE]

Starts a control plane with nodes in three zones, Karpenter's and Istio's APIs, an AWS emulator (STS, IAM, ECR) and the
operator, all on free ports of 127.0.0.1, and stays until Ctrl-C. No services: apply your own, or config/samples.

  --config FILE   the operator's configuration; default config/dev/operator-config.yaml
  --help          this text

Exit codes: 0 ended by Ctrl-C or SIGTERM, 1 it could not start or one of its programs ended, 2 wrong usage.`;

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({ args: [...argv], options: { config: { type: "string" }, help: { type: "boolean", short: "h" } } });
  if (values.help === true) {
    console.log(HELP);
    return 0;
  }
  // Asked for from the beginning, so that a Ctrl-C during the start ends what was started.
  const asked = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM"), once(process, "SIGHUP")]);
  const environment = await startEnvironment({
    ...(values.config === undefined ? {} : { configFile: values.config }),
    log: (line) => console.error(line),
  });
  await announce(environment);
  console.log(instructions(environment));
  const broken = await Promise.race([
    asked.then(() => undefined),
    environment.plane.broken,
    environment.operator.ended.then((how) => new Error(`the operator ended (${how}): see ${environment.operator.logFile}`)),
  ]);
  if (broken) console.error(broken.message);
  else console.error("stopping");
  await withdraw();
  await environment.stop();
  return broken ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const wrongUsage = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  console.error(`up: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = wrongUsage ? 2 : 1;
}
