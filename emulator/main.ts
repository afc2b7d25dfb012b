/** `node emulator/main.ts`: the emulator as a process of its own. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Cluster, Principal } from "./options.ts";
import { startEmulator, type Emulator } from "./server.ts";

const HELP = `An emulator of AWS STS, IAM, ECR, EKS Pod Identity, App Mesh and Amazon Managed Service for Prometheus, for tests and demos, on 127.0.0.1.

  node emulator/main.ts [options]

  --port N             0, the default, takes a free port
  --account ID         default 111122223333
  --region NAME        default eu-west-1
  --cluster NAME=URL   an EKS cluster and the issuer of its service account tokens; as often as there are clusters
  --state-file FILE    keep everything there across starts
  --principals FILE    JSON list of {accessKeyId, arn, policy?}; without it any access key is an administrator
  --exit-with-parent   end when standard input closes
  --help

It prints one line, {"url":"http://127.0.0.1:PORT"}, when it answers; give that url as AWS_ENDPOINT_URL. SIGTERM ends it.
`;

function parseCluster(text: string): Cluster {
  const [, name, oidcIssuer] = /^([^=]+)=(https:\/\/.+)$/.exec(text) ?? [];
  if (name === undefined || oidcIssuer === undefined) throw new Error(`--cluster ${text}: give NAME=https://ISSUER`);
  return { name, oidcIssuer };
}

/** Starts what the arguments ask for; undefined when that was only the help. Throws an Error that says which argument is wrong. */
async function start(): Promise<{ emulator: Emulator; withParent: boolean } | undefined> {
  const { values } = parseArgs({
    options: {
      port: { type: "string", default: "0" },
      account: { type: "string", default: "111122223333" },
      region: { type: "string", default: "eu-west-1" },
      cluster: { type: "string", multiple: true, default: [] },
      "state-file": { type: "string" },
      principals: { type: "string" },
      "exit-with-parent": { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(HELP);
    return undefined;
  }
  if (!/^\d{12}$/.test(values.account)) throw new Error(`--account ${values.account}: an account has twelve digits`);
  if (!/^\d{1,5}$/.test(values.port)) throw new Error(`--port ${values.port}: give a number, or 0 for a free port`);
  const file = values.principals;
  const principals: Principal[] | undefined = file === undefined ? undefined : JSON.parse(readFileSync(file, "utf8"));
  const emulator = await startEmulator({
    accountId: values.account,
    region: values.region,
    port: Number(values.port),
    clusters: values.cluster.map(parseCluster),
    stateFile: values["state-file"],
    principals: principals ?? [],
    allowAnyKey: principals === undefined,
  });
  return { emulator, withParent: values["exit-with-parent"] };
}

/** Says what went wrong and ends with exit code 2. */
function fail(error: unknown): void {
  console.error(`emulator: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(2);
}

try {
  const started = await start();
  if (started !== undefined) {
    const stop = (): void => {
      started.emulator.close().then(() => process.exit(0), fail);
    };
    process.once("SIGTERM", stop);
    process.once("SIGINT", stop);
    if (started.withParent) process.stdin.resume().once("end", stop).once("close", stop);
    // Last: who reads it may end this at once.
    console.log(JSON.stringify({ url: started.emulator.url }));
  }
} catch (error) {
  fail(error);
}
