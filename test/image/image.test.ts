import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { startControlPlane, type ControlPlane } from "../../controlplane/start.ts";
import { DEV_CONFIG, installPlatform, operatorAccess, startAws } from "../../src/cli/environment.ts";
import { ROOT } from "../../src/cli/keys.ts";
import { isReady } from "../../src/cli/service-watch.ts";
import { readConfigFile } from "../../src/config.ts";
import { buildImage, IMAGE, toolsArchive } from "../support/image/build.ts";
import { evaluate, HOST, NAME, runOperator, USER, type OperatorContainer } from "../support/image/container.ts";
import { startDaemon, type Daemon } from "../support/image/daemon.ts";
import { whyNoImage } from "../support/image/machine.ts";
import { infoOf, PATIENCE_MS, Platform } from "../support/platform.ts";

/** The image of the Dockerfile, built and run by a daemon of the test's own, against the control plane and the AWS emulator. */

const KEY = { namespace: "tracking", name: "web" };
const cleanUps: (() => Promise<void>)[] = [];

let daemon: Daemon;
let plane: ControlPlane;
let operator: OperatorContainer;
let platform: Platform;

beforeAll(async () => {
  const why = whyNoImage();
  if (why !== undefined) throw new Error(why);
  daemon = await startDaemon();
  cleanUps.push(() => daemon.stop());
  // Before the control plane, whose programs would wait for minutes meanwhile.
  await buildImage(daemon);
  plane = await startControlPlane();
  cleanUps.push(() => plane.stop());
  await installPlatform(plane);
  const emulator = await startAws(readConfigFile(DEV_CONFIG));
  cleanUps.push(() => emulator.close());
  const operatorKubeconfig = await operatorAccess(plane);
  const configFile = DEV_CONFIG;
  operator = await runOperator(daemon, { image: IMAGE, configFile, kubeconfig: operatorKubeconfig, awsEndpoint: emulator.url });
  cleanUps.push(async () => void (await daemon.docker("rm", "--force", NAME)));
  platform = new Platform(infoOf({ plane, emulator, operator, operatorKubeconfig, configFile }));
  cleanUps.push(() => platform.close());
});

afterAll(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

describe("the image", () => {
  test("is for the user 65532, and holds one file of ours, and its licences, beside Node", async () => {
    const image = z.tuple([z.object({ Size: z.number(), Config: z.object({ User: z.string(), Entrypoint: z.array(z.string()) }) })]);
    const [{ Size, Config }] = image.parse(JSON.parse(await daemon.docker("image", "inspect", IMAGE)));
    console.log(`the image is ${(Size / 1e6).toFixed(0)} MB, ready ${(operator.readyMs / 1_000).toFixed(1)} s after docker run`);
    expect(Config).toEqual({
      User: "65532:65532",
      Entrypoint: ["/usr/local/bin/node", "--max-semi-space-size=4", "--heap-growing-percent=30", "/app/main.mjs"],
    });
    const files = JSON.parse(await evaluate(daemon, 'JSON.stringify(["/app", "/usr/local/bin"].flatMap((d) => fs.readdirSync(d)))'));
    expect(files).toEqual(["main.mjs", "main.mjs.LEGAL.txt", "node"]);
  });

  test("runs without root, capabilities or a way to new privileges, and can write nowhere on its root", async () => {
    const status = await evaluate(daemon, 'fs.readFileSync("/proc/1/status", "utf8")');
    const fields = new Map(status.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]));
    expect(["Uid", "Gid", "CapEff", "CapBnd", "NoNewPrivs"].map((name) => fields.get(name))).toEqual([
      Array.from({ length: 4 }, () => USER).join("\t"),
      Array.from({ length: 4 }, () => USER).join("\t"),
      "0".repeat(16),
      "0".repeat(16),
      "1",
    ]);
    const writing = 'try { fs.writeFileSync("/tmp/file", ""); "written" } catch (error) { error.code }';
    expect((await evaluate(daemon, writing)).trim()).toBe("EROFS");
  });
});

describe("its operator", () => {
  test("is ready, and holds the lease", async () => {
    expect((await fetch(`${operator.telemetryUrl}/readyz`)).status).toBe(200);
    await vi.waitFor(async () => expect(await holder()).toMatch(new RegExp(`^${HOST}_`)), { timeout: PATIENCE_MS, interval: 200 });
  });

  test("makes a service Ready, with its role, repository and pods", async () => {
    await platform.namespace(KEY.namespace);
    const service = await platform.ready(KEY);
    expect(isReady(service)).toBe(true);
    const deployment = await platform.get<{ status: { availableReplicas?: number } }>(KEY.namespace, `deployment/${KEY.name}`);
    expect(deployment?.status.availableReplicas).toBeGreaterThan(0);
  });

  test("ends with 0 on SIGTERM, and hands the lease over", async () => {
    await daemon.docker("kill", "--signal=TERM", NAME);
    expect(await operator.ended).toBe(0);
    expect(await holder()).toBe("");
  });
});

test("what kills the process of a test leaves no process, mount, cgroup or file of its daemon", async () => {
  const args = [join(ROOT, "test/support/image/abandoned.ts"), toolsArchive(daemon)];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const [dir]: readonly string[] = await once(createInterface({ input: child.stdout }), "line");
  if (dir === undefined) throw new Error("no daemon was started");
  expect(remains(basename(dir))).toEqual({ processes: true, cgroups: true, folder: true });
  child.kill("SIGKILL");
  const nothing = { processes: false, cgroups: false, folder: false };
  await vi.waitFor(() => expect(remains(basename(dir))).toEqual(nothing), { timeout: PATIENCE_MS, interval: 200 });
});

async function holder(): Promise<string> {
  const lease = z.object({ spec: z.object({ holderIdentity: z.string() }) });
  return lease.parse(JSON.parse(await plane.kubectl(["get", "lease", "platform-operator", "-n", "platform-system", "-o", "json"]))).spec
    .holderIdentity;
}

/** Of a daemon whose folder has this name. A mount of it would keep the folder. */
function remains(name: string): Readonly<Record<string, boolean>> {
  const processes = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && ofProcess(pid).includes(name));
  const cgroups = readdirSync("/sys/fs/cgroup", { recursive: true, encoding: "utf8" }).filter((path) => basename(path) === name);
  return { processes: processes.length > 0, cgroups: cgroups.length > 0, folder: existsSync(join(tmpdir(), name)) };
}

/** Its command line and cgroups: a container's process has the daemon's name in the second. */
function ofProcess(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8") + readFileSync(`/proc/${pid}/cgroup`, "utf8");
  } catch {
    // It ended meanwhile.
    return "";
  }
}
