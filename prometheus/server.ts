/** A real Prometheus on a port of its own, which can be stopped and started again, and scrapes and evaluates every second. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { startProcess } from "../controlplane/process.ts";
import { waitUntil } from "../controlplane/readiness.ts";

const READY_DEADLINE_MS = 60_000;
const STOP_GRACE_MS = 10_000;

export interface PrometheusServer {
  /** Starts it with these rules; resolves when it answers. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** What its rules are from now on, by file name without an ending; started or not. */
  load(rules: Readonly<Record<string, unknown>>): Promise<void>;
}

export interface PrometheusServerOptions {
  readonly program: string;
  /** Takes its configuration, rules, data and log. */
  readonly dir: string;
  readonly port: number;
  /** `host:port` to scrape. */
  readonly target: string;
}

export async function prometheusServer({ program, dir, port, target }: PrometheusServerOptions): Promise<PrometheusServer> {
  const configFile = join(dir, "prometheus.json");
  await writeFile(
    configFile,
    JSON.stringify({
      global: { scrape_interval: "1s", scrape_timeout: "1s", evaluation_interval: "1s" },
      rule_files: [join(dir, "rules-*.json")],
      scrape_configs: [{ job_name: "mesh", static_configs: [{ targets: [target] }] }],
    }),
  );
  let running: Awaited<ReturnType<typeof startProcess>> | undefined;
  return {
    async start() {
      running = await startProcess({
        program: "prometheus",
        executable: program,
        dir,
        args: [`--config.file=${configFile}`, `--storage.tsdb.path=${join(dir, "data")}`, `--web.listen-address=127.0.0.1:${String(port)}`],
      });
      const broken = running.ended.then((error) => error ?? new Promise<never>(() => undefined));
      const probe = () => answers(`http://127.0.0.1:${String(port)}/-/ready`);
      await waitUntil({ what: "the start of Prometheus", deadlineMs: READY_DEADLINE_MS, broken, probe });
    },
    async stop() {
      await running?.stop(STOP_GRACE_MS);
      running = undefined;
    },
    async load(rules) {
      for (const [name, file] of Object.entries(rules)) await writeFile(join(dir, `rules-${name}.json`), JSON.stringify(file));
      if (running) process.kill(running.pid, "SIGHUP");
    },
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}
