import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { dirname, join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";

import { kubectlFor } from "../../controlplane/kubectl.ts";
import { addNodes, GENERAL_POOL, nodesOf } from "../../controlplane/nodes.ts";
import { type ControlPlane, startControlPlane } from "../../controlplane/start.ts";

const LAUNCHER = join(import.meta.dirname, "..", "..", "controlplane", "main.ts");
const ALL_PROGRAMS = ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok"];
const SOON = { timeout: 10_000, interval: 50 };

const started: ControlPlane[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((plane) => plane.stop()));
});

async function start(): Promise<ControlPlane> {
  const plane = await startControlPlane();
  started.push(plane);
  return plane;
}

describe("a control plane", () => {
  test("rolls out a Deployment, and keeps its data when the API server restarts or crashes", async () => {
    const plane = await start();
    await addNodes(plane, nodesOf({ ...GENERAL_POOL, architectures: ["arm64"], capacityTypes: ["spot"] }));
    await plane.kubectl(["create", "deployment", "web", "--image=registry.invalid/web", "--replicas=3"]);
    await plane.kubectl(["wait", "--for=condition=Available", "--timeout=60s", "deployment/web"]);
    expect((await zonesOfPods(plane)).toSorted()).toEqual(["eu-west-1a", "eu-west-1b", "eu-west-1c"]);

    const uid = await plane.kubectl(["get", "deployment/web", "-o", "jsonpath={.metadata.uid}"]);
    await plane.restartApiServer();
    expect(await plane.kubectl(["get", "deployment/web", "-o", "jsonpath={.metadata.uid}"])).toBe(uid);

    await plane.stopApiServer({ graceMs: 0 });
    await expect(plane.kubectl(["get", "--raw", "/readyz"])).rejects.toThrow("refused");
    await plane.startApiServer();
    await plane.kubectl(["scale", "deployment/web", "--replicas=4"]);
    await plane.kubectl(["wait", "--for=jsonpath={.status.availableReplicas}=4", "--timeout=60s", "deployment/web"]);
  });

  test("leaves no process and no file behind when it is stopped", async () => {
    const plane = await start();
    const pids = plane.processes().map(({ pid }) => pid);
    expect(plane.processes().map(({ program }) => program)).toEqual(ALL_PROGRAMS);

    await plane.stop();
    expect(await Promise.all(pids.map(isRunning))).toEqual(pids.map(() => false));
    expect(existsSync(plane.dir)).toBe(false);
    expect(plane.processes()).toEqual([]);
  });

  test("says which program died, with the end of its log", async () => {
    const plane = await start();
    const scheduler = plane.processes().find(({ program }) => program === "kube-scheduler");
    process.kill(scheduler?.pid ?? Number.NaN, "SIGKILL");
    const error = await plane.broken;
    expect(error.message).toContain("kube-scheduler ended with SIGKILL. The end of");
    expect(error.message).toContain(join(plane.dir, "kube-scheduler.log"));
  });

  test("fails to start with the API server's own words when a flag is wrong", async () => {
    await expect(startControlPlane({ apiServerFlags: ["--no-such-flag"] })).rejects.toThrow("unknown flag: --no-such-flag");
  });
});

describe("npm run controlplane", () => {
  test("prints a kubeconfig that works, and leaves nothing behind when it is SIGKILLed", async () => {
    const launcher = await launch();
    const pids = await pidsIn(launcher.dir);
    expect(pids).toHaveLength(ALL_PROGRAMS.length);
    expect(await kubectlFor(launcher.binDir, launcher.kubeconfig)(["get", "--raw", "/readyz"])).toBe("ok");

    launcher.child.kill("SIGKILL");
    await expect.poll(() => Promise.all(pids.map(isRunning)), SOON).toEqual(pids.map(() => false));
    await expect.poll(() => existsSync(launcher.dir), SOON).toBe(false);
  });

  test.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)("ends with code 0 and leaves nothing behind at %s", async (signal) => {
    const launcher = await launch();
    const pids = await pidsIn(launcher.dir);
    launcher.child.kill(signal);
    expect(await once(launcher.child, "exit")).toEqual([0, null]);
    expect(await Promise.all(pids.map(isRunning))).toEqual(pids.map(() => false));
    expect(existsSync(launcher.dir)).toBe(false);
  });
});

async function zonesOfPods({ kubectl }: ControlPlane): Promise<string[]> {
  const nodes = await kubectl(["get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}"]);
  const zones = await kubectl([
    "get",
    ...nodes.split(" ").map((node) => `node/${node}`),
    "-o",
    String.raw`jsonpath={.items[*].metadata.labels.topology\.kubernetes\.io/zone}`,
  ]);
  return zones.split(" ");
}

interface Launcher {
  readonly child: ReturnType<typeof spawn>;
  readonly kubeconfig: string;
  readonly dir: string;
  readonly binDir: string;
}

async function launch(): Promise<Launcher> {
  const child = spawn(process.execPath, [LAUNCHER], { stdio: ["ignore", "pipe", "inherit"] });
  const printed: Record<string, string> = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name = "", value = ""] = /^export (\w+)=(.*)$/.exec(line) ?? [];
    printed[name] = value;
    if (name === "PATH") break;
  }
  const kubeconfig = printed["KUBECONFIG"] ?? "";
  return { child, kubeconfig, dir: dirname(kubeconfig), binDir: (printed["PATH"] ?? "").replace(":$PATH", "") };
}

async function pidsIn(dir: string): Promise<number[]> {
  const files = (await readdir(dir)).filter((file) => file.endsWith(".pid"));
  return Promise.all(files.map(async (file) => Number(await readFile(join(dir, file), "utf8"))));
}

/** A zombie does not run: only its new parent has not looked yet. */
async function isRunning(pid: number): Promise<boolean> {
  const ps = spawn("ps", ["-o", "stat=", "-p", String(pid)], { stdio: ["ignore", "pipe", "inherit"] });
  let state = "";
  for await (const chunk of ps.stdout) state += String(chunk);
  return state.trim() !== "" && !state.startsWith("Z");
}
