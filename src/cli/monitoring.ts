import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import type { Kubectl } from "../../controlplane/kubectl.ts";
import { freePorts } from "../../controlplane/ports.ts";
import { startReaper } from "../../controlplane/reaper.ts";
import { startMeshExporter, type MeshExporter } from "../../prometheus/mesh-exporter.ts";
import { prometheusServer, type PrometheusServer } from "../../prometheus/server.ts";
import { keyString } from "../crds/meta.ts";
import { DEV_CONFIG } from "./environment.ts";

/** What SLOs are measured by beside a cluster: a Prometheus that the operator asks, and what counts requests as a mesh would. */
export interface Monitoring {
  readonly url: string;
  /** The configuration of an operator that asks it; else as config/dev/operator-config.yaml. */
  readonly configFile: string;
  readonly mesh: MeshExporter;
  readonly prometheus: PrometheusServer;
  stop(): Promise<void>;
}

/** `program`: the path of Prometheus. Resolves when it answers; on a failure nothing is left. */
export async function startMonitoring(program: string): Promise<Monitoring> {
  const dir = await mkdtemp(join(tmpdir(), "platform-operator-monitoring-"));
  const reaper = startReaper(dir);
  let mesh: MeshExporter | undefined;
  try {
    const [port = 0] = await freePorts(1);
    const url = `http://127.0.0.1:${String(port)}`;
    const exporter = await startMeshExporter();
    mesh = exporter;
    const prometheus = await prometheusServer({ program, dir, port, target: exporter.address });
    await prometheus.start();
    const configFile = join(dir, "operator-config.yaml");
    const slos = { prometheus: { url, interval: "10s", timeout: "5s" } };
    await writeFile(configFile, JSON.stringify({ ...Object(parse(await readFile(DEV_CONFIG, "utf8"))), slos }));
    return {
      url,
      configFile,
      mesh: exporter,
      prometheus,
      async stop() {
        await prometheus.stop();
        await exporter.close();
        await reaper.release();
      },
    };
  } catch (error) {
    await mesh?.close();
    await reaper.release();
    throw error;
  }
}

const written = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ namespace: z.string(), name: z.string() }),
      spec: z.object({ groups: z.array(z.looseObject({ rules: z.array(z.unknown()) })) }),
    }),
  ),
});

/** Prometheus loads every PrometheusRule of the cluster, as the Prometheus Operator would have it, but evaluates them each second. Resolves to the number of rules. */
export async function loadRules({ prometheus }: Pick<Monitoring, "prometheus">, kubectl: Kubectl): Promise<number> {
  const { items } = written.parse(JSON.parse(await kubectl(["get", "prometheusrules", "-A", "-o", "json"])));
  const files = items.map(({ metadata, spec }) => {
    const groups = spec.groups.map((group) => ({ ...group, interval: "1s" }));
    return [keyString(metadata).replace("/", "-"), { groups }] as const;
  });
  await prometheus.load(Object.fromEntries(files));
  return items.flatMap(({ spec }) => spec.groups.flatMap(({ rules }) => rules)).length;
}
