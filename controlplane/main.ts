/** `npm run controlplane`: a control plane alone, until Ctrl-C. */
import { once } from "node:events";
import { parseArgs } from "node:util";

import { type ControlPlane, startControlPlane } from "./start.ts";

const HELP = `Usage: npm run controlplane [-- --audit]

Starts a Kubernetes control plane of its own on free ports of 127.0.0.1 and stays until Ctrl-C; nothing is left
running, whatever ends it. It is bare: no nodes, so pods stay Pending, and no AWS (for those: npm run up).

The first start builds the programs with Go 1.26 into ~/.cache/platform-operator, which takes minutes.

Options:
  --audit   write every request to an audit log, whose path is printed
  --help    print this

Environment:
  KUBEBUILDER_ASSETS  a folder with etcd, kube-apiserver and kubectl (and kube-controller-manager, kube-scheduler,
                      kwok, kwok-stages for pods that run) to use instead of building
  XDG_CACHE_HOME      where the cache is, instead of ~/.cache

Exit codes: 0 ended by Ctrl-C or SIGTERM; 1 it could not start, or one of its programs ended; 2 wrong usage.
`;

type Arguments =
  | { readonly kind: "start"; readonly audit: boolean }
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly why: string };

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const parsed = parse(args);
  if (parsed.kind === "start") return run(parsed.audit);
  if (parsed.kind === "help") {
    process.stdout.write(HELP);
    return 0;
  }
  process.stderr.write(`${parsed.why}\n\n${HELP}`);
  return 2;
}

async function run(audit: boolean): Promise<number> {
  try {
    const plane = await startControlPlane({ audit, log: (line) => process.stderr.write(`${line}\n`) });
    // Once only: a second Ctrl-C ends this process at once, and the reaper does the rest. Before anything is printed: who reads it may end this at once.
    const ended = Promise.race([once(process, "SIGINT"), once(process, "SIGTERM"), once(process, "SIGHUP"), plane.broken]);
    process.stdout.write(instructions(plane));
    const failure = await ended;
    process.stderr.write("stopping\n");
    await plane.stop();
    if (!(failure instanceof Error)) return 0;
    process.stderr.write(`${failure.message}\n`);
    return 1;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}

function parse(args: readonly string[]): Arguments {
  try {
    const { values } = parseArgs({ args: [...args], options: { audit: { type: "boolean" }, help: { type: "boolean", short: "h" } } });
    return values.help === true ? { kind: "help" } : { kind: "start", audit: values.audit === true };
  } catch (error) {
    return { kind: "wrong", why: error instanceof Error ? error.message : String(error) };
  }
}

function instructions({ adminKubeconfig, binDir, auditLogFile }: ControlPlane): string {
  const lines = [`export KUBECONFIG=${adminKubeconfig}`, `export PATH=${binDir}:$PATH`];
  if (auditLogFile !== undefined) lines.push(`# audit log: ${auditLogFile}`);
  return `${lines.join("\n")}\n`;
}
