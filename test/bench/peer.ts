import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { writeKubeconfig } from "../../controlplane/credentials.ts";
import { ensurePrograms, type GoPrograms } from "../../controlplane/go-programs.ts";
import { applyCrds } from "../../controlplane/kubectl.ts";
import { startProcess } from "../../controlplane/process.ts";
import { isReady } from "../../src/cli/service-watch.ts";
import { deploymentFacts } from "../../src/controllers/facts.ts";
import { GROUP, type ObjectKey } from "../../src/crds/meta.ts";
import { KINDS, type ResourceType } from "../../src/kube/kinds.ts";
import { isJsonObject, type JsonObject, type LiveObject } from "../../src/kube/objects.ts";
import { OPERATOR_USER } from "../support/audit-log.ts";
import { TAG, type Fleet } from "./fleet.ts";
import { auditedTo, cpuSeconds, isWatch, memory, requestsSince, total } from "./meter.ts";
import { inParallel } from "./parallel.ts";
import { Stage } from "./stage.ts";
import type { Row } from "./table.ts";

/**
 * kro beside ours: the same number of services, each of about the same Kubernetes objects, created, given another pod template, and deleted, on stages of the same kind with controller
 * manager, scheduler and kwok. What a controller costs is told by the kernel and by the API server's audit log, of both alike. Ours makes a role and a repository for each service as well.
 */

const PER_NAMESPACE = 10;
const PATIENCE_MS = 900_000;
const POLL_MS = 250;
const KRO_MODULE = "github.com/kubernetes-sigs/kro";
const KRO: GoPrograms = {
  name: "kro",
  title: "kro's programs",
  dir: join(import.meta.dirname, "peer"),
  files: ["go.mod", "go.sum"],
  packages: { controller: `${KRO_MODULE}/cmd/controller` },
  flags: [],
  waysOn: ["leave --peer out"],
};
const KRO_NAMESPACE = "kro-system";
const PEER_SERVICE: ResourceType = { group: "kro.run", version: "v1alpha1", kind: "PeerService", plural: "peerservices", namespaced: true };

/** What is done to all services, in this order. */
const PHASES = ["create", "update", "delete"] as const;
type Phase = (typeof PHASES)[number];

/** One of the two. */
interface Contender {
  readonly pid: number;
  /** As the API server knows it. */
  readonly user: string;
  create(): Promise<void>;
  update(): Promise<void>;
  remove(): Promise<void>;
  /** Resolves when everything is as the phase wants it. */
  until(phase: Phase): Promise<void>;
}

interface Figures {
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly requests: number;
}

export async function peer(instances: number, told: (line: string) => void): Promise<readonly Row[]> {
  told(`peer: ${String(instances)} services by kro`);
  const theirs = await onStage((stage) => kro(stage, instances));
  told(`peer: ${String(instances)} services by platform-operator`);
  const ours = await onStage((stage) => platformOperator(stage, instances));
  return [
    ...PHASES.flatMap((phase) => rowsOf(phase, { ours: ours.figures[phase], theirs: theirs.figures[phase], instances })),
    { of: `peer, ${String(instances)}`, what: "memory, most: ours", value: ours.peakMemory, unit: "MiB" },
    { of: `peer, ${String(instances)}`, what: "memory, most: kro", value: theirs.peakMemory, unit: "MiB" },
  ];
}

function rowsOf(
  phase: Phase,
  { ours, theirs, instances }: { readonly ours: Figures; readonly theirs: Figures; readonly instances: number },
): readonly Row[] {
  const of = `peer, ${String(instances)}, ${phase}`;
  return [
    { of, what: "until all had it: ours", value: ours.seconds, unit: "s" },
    { of, what: "until all had it: kro", value: theirs.seconds, unit: "s" },
    { of, what: "ratio of the times", value: ours.seconds / theirs.seconds, unit: "", atMost: 1 },
    { of, what: "CPU: ours", value: ours.cpuSeconds, unit: "s" },
    { of, what: "CPU: kro", value: theirs.cpuSeconds, unit: "s" },
    { of, what: "ratio of the CPU", value: ours.cpuSeconds / theirs.cpuSeconds, unit: "", atMost: 1 / 3 },
    { of, what: "requests a service: ours", value: ours.requests / instances, unit: "" },
    { of, what: "requests a service: kro", value: theirs.requests / instances, unit: "" },
    { of, what: "ratio of the requests", value: ours.requests / theirs.requests, unit: "", atMost: 1 / 3 },
  ];
}

async function onStage(
  start: (stage: Stage) => Promise<Contender>,
): Promise<{ readonly figures: Readonly<Record<Phase, Figures>>; readonly peakMemory: number }> {
  const stage = await Stage.start({ controllers: true, sweepInterval: "1h", mesh: "None" });
  try {
    const contender = await start(stage);
    const figures = {
      create: await phaseOf(stage, contender, "create"),
      update: await phaseOf(stage, contender, "update"),
      delete: await phaseOf(stage, contender, "delete"),
    };
    return { figures, peakMemory: memory(contender.pid).peak };
  } finally {
    await stage.stop();
  }
}

async function phaseOf(stage: Stage, contender: Contender, phase: Phase): Promise<Figures> {
  const begun = { time: performance.now(), cpu: cpuSeconds(contender.pid), audit: await auditedTo(stage) };
  await contender[phase === "delete" ? "remove" : phase]();
  await contender.until(phase);
  return {
    seconds: (performance.now() - begun.time) / 1000,
    cpuSeconds: cpuSeconds(contender.pid) - begun.cpu,
    requests: total(await requestsSince(stage, begun.audit, contender.user), (what) => !isWatch(what)),
  };
}

function keysOf(instances: number): readonly ObjectKey[] {
  return Array.from({ length: instances }, (_, index) => ({
    namespace: `squad-${String(Math.floor(index / PER_NAMESPACE)).padStart(4, "0")}`,
    name: `service-${String(index % PER_NAMESPACE)}`,
  }));
}

async function createNamespaces(stage: Stage, keys: readonly ObjectKey[]): Promise<void> {
  const names = [...new Set(keys.map(({ namespace }) => namespace))];
  const metadata = (name: string): object => ({ name, labels: { [`${GROUP}/managed`]: "true" } });
  await stage.createNamespaces({ namespaces: names.map((name) => ({ apiVersion: "v1", kind: "Namespace", metadata: metadata(name) })) });
}

async function platformOperator(stage: Stage, instances: number): Promise<Contender> {
  const keys = keysOf(instances);
  const container = (level: string): object => ({ env: [{ name: "LOG_LEVEL", value: level }] });
  const fleet: Pick<Fleet, "services"> = {
    services: keys.map((key) => {
      const spec = { owner: key.namespace, tier: "tier-3", image: { tag: TAG }, port: 8080, container: container("info") };
      return { metadata: key, tier: "tier-3", spec };
    }),
  };
  await createNamespaces(stage, keys);
  const { pid } = await stage.startOperator();
  const generations = new Map<string, number>();
  const isServed = (service: { readonly metadata: { readonly uid: string; readonly generation: number } }): boolean =>
    service.metadata.generation > (generations.get(service.metadata.uid) ?? 0);
  return {
    pid,
    user: OPERATOR_USER,
    create: () => stage.createServices(fleet),
    async update() {
      for (const { metadata } of stage.watch.list()) generations.set(metadata.uid, metadata.generation);
      await inParallel(keys, async (key) => {
        await stage.transport.mergePatch({ resource: KINDS.PlatformService, ...key }, { spec: { container: container("debug") } });
      });
    },
    remove: () => stage.removeAll(KINDS.PlatformService),
    async until(phase) {
      const isDone = (): boolean => {
        const all = stage.watch.list();
        return phase === "delete" ? all.length === 0 : all.length === instances && all.every((one) => isReady(one) && isServed(one));
      };
      await stage.watch.until(`all are as ${phase} wants them`, isDone, PATIENCE_MS);
    },
  };
}

async function kro(stage: Stage, instances: number): Promise<Contender> {
  const { plane } = stage;
  const program = join(await ensurePrograms(KRO, { env: process.env, progress: process.stderr }), "controller");
  const { stdout: module } = await promisify(execFile)("go", ["list", "-m", "-f", "{{.Dir}}", KRO_MODULE], { cwd: KRO.dir });
  const crds = ["kro.run_resourcegraphdefinitions.yaml", "internal.kro.run_graphrevisions.yaml"];
  await applyCrds(
    plane.kubectl,
    crds.map((file) => join(module.trim(), "helm/crds", file)),
  );
  await plane.kubectl(["create", "namespace", KRO_NAMESPACE]);
  await plane.kubectl(["create", "serviceaccount", "kro", "-n", KRO_NAMESPACE]);
  await plane.kubectl(["create", "clusterrolebinding", "kro", "--clusterrole=cluster-admin", `--serviceaccount=${KRO_NAMESPACE}:kro`]);
  const token = (await plane.kubectl(["create", "token", "kro", "-n", KRO_NAMESPACE, "--duration=24h"])).trim();
  const kubeconfig = await writeKubeconfig({
    file: join(plane.dir, "kro.kubeconfig"),
    url: plane.url,
    caFile: plane.caFile,
    user: "kro",
    token,
  });
  const args = ["--metrics-bind-address=0", "--health-probe-bind-address=0", `--kubeconfig=${kubeconfig}`];
  const { pid } = await startProcess({ program: "kro", executable: program, dir: plane.dir, args });

  const definition: JsonObject = parse(await readFile(join(KRO.dir, "rgd.yaml"), "utf8"));
  await plane.kubectl(["apply", "-f", "-"], { input: JSON.stringify(definition) });
  await plane.kubectl(["wait", "--for=jsonpath={.status.state}=Active", "rgd/peerservice.kro.run", "--timeout=120s"]);
  const keys = keysOf(instances);
  await createNamespaces(stage, keys);
  const image = (tag: string): string => `111122223333.dkr.ecr.eu-west-1.amazonaws.com/squad/service:${tag}`;
  return {
    pid,
    user: `system:serviceaccount:${KRO_NAMESPACE}:kro`,
    create: () =>
      inParallel(keys, async (metadata) => {
        const object = { apiVersion: "kro.run/v1alpha1", kind: "PeerService", metadata, spec: { image: image("1") } };
        await stage.transport.create({ resource: PEER_SERVICE, namespace: metadata.namespace }, { ...object });
      }),
    update: () =>
      inParallel(keys, async (key) => {
        await stage.transport.mergePatch({ resource: PEER_SERVICE, ...key }, { spec: { image: image("2") } });
      }),
    remove: () => stage.removeAll(PEER_SERVICE),
    async until(phase) {
      const deadline = performance.now() + PATIENCE_MS;
      while (!(await isSo(stage, phase, { instances, image: image(phase === "update" ? "2" : "1") }))) {
        if (performance.now() > deadline) throw new Error(`kro has not come to an end of ${phase}`);
        await new Promise((resolve) => void setTimeout(resolve, POLL_MS));
      }
    },
  };
}

/** Asked of the objects themselves, by an administrator whose requests are not counted. */
async function isSo(
  stage: Stage,
  phase: Phase,
  { instances, image }: { readonly instances: number; readonly image: string },
): Promise<boolean> {
  const { items: services } = await stage.transport.list(PEER_SERVICE, {});
  if (phase === "delete") return services.length === 0;
  if (services.filter(isActive).length < instances) return false;
  const { items: deployments } = await stage.transport.list(KINDS.Deployment, {});
  const peers = deployments.filter(({ metadata }) => metadata.namespace?.startsWith("squad-")).map(deploymentFacts);
  return peers.length === instances && peers.every(({ images, progress }) => images.includes(image) && progress.state === "complete");
}

function isActive({ status }: LiveObject): boolean {
  return isJsonObject(status) && status.state === "ACTIVE";
}
