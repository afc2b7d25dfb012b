import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { ensureBinaries, explainMissing, PROGRAMS } from "../../../controlplane/build.ts";
import { ensureHelm } from "../../../controlplane/helm.ts";
import { ensureFile, PINNED_CRDS, thirdPartyCrds } from "../../../controlplane/third-party.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "controlplane-test-"));
});
afterEach(async () => {
  await rm(dir, { recursive: true, force: true });
});

const progress = { write: () => undefined };

describe("KUBEBUILDER_ASSETS", () => {
  test("is used as it is when it holds every program", async () => {
    await putPrograms(PROGRAMS);
    const binaries = await ensureBinaries({ env: { KUBEBUILDER_ASSETS: dir }, progress });
    expect(binaries).toEqual({ dir, missing: [] });
    expect(explainMissing(binaries)).toBeUndefined();
  });

  test("may lack what makes pods run, and says what that means", async () => {
    await putPrograms(["etcd", "kube-apiserver", "kubectl"]);
    const binaries = await ensureBinaries({ env: { KUBEBUILDER_ASSETS: dir }, progress });
    expect(binaries.missing).toEqual(["kube-controller-manager", "kube-scheduler", "kwok", "kwok-stages"]);
    expect(explainMissing(binaries)).toBe(
      `${dir} (KUBEBUILDER_ASSETS) has no kube-controller-manager, kube-scheduler, kwok, kwok-stages: no Deployment rolls out and nothing is ` +
        "garbage collected; no pod is given a node; no node turns Ready and no pod runs. Unset KUBEBUILDER_ASSETS to build them all.",
    );
  });

  test("is refused when it lacks what a control plane cannot start without", async () => {
    await putPrograms(["kubectl"]);
    await expect(ensureBinaries({ env: { KUBEBUILDER_ASSETS: dir }, progress })).rejects.toThrow(
      `KUBEBUILDER_ASSETS is ${dir}, which has no etcd, kube-apiserver. Point it at a folder that does, or unset it to build them with Go.`,
    );
  });
});

describe("Go", () => {
  test("missing is an error that names the ways on", async () => {
    await expect(ensureBinaries({ env: { PATH: dir, XDG_CACHE_HOME: dir }, progress })).rejects.toThrow(
      /needs Go 1\.26 or later, and there is no `go` on the PATH\. Ways on:[^]*install Go 1\.26[^]*KUBEBUILDER_ASSETS[^]*--kubeconfig/,
    );
  });

  test.each(["go1.25.9", "go1.9"])("%s is too old", async (version) => {
    await putScript("go", `echo ${version}`);
    await expect(ensureBinaries({ env: { PATH: dir, XDG_CACHE_HOME: dir }, progress })).rejects.toThrow(
      `the \`go\` on the PATH is ${version}`,
    );
  });

  test("that fails is an error with the end of what it printed, and leaves nothing in the cache", async () => {
    await putScript("go", `case "$1" in env) echo go1.26.0;; *) echo "no route to proxy" >&2; exit 1;; esac`);
    const cache = join(dir, "cache");
    await expect(ensureBinaries({ env: { PATH: dir, XDG_CACHE_HOME: cache }, progress })).rejects.toThrow(
      /go list -deps failed in .*\nno route to proxy/,
    );
    expect(await readdir(join(cache, "platform-operator", "controlplane"))).toEqual([]);
  });
});

describe("a third-party CRD", () => {
  test("whose content is not the pinned one is refused", async () => {
    await putModule("tampered");
    await expect(thirdPartyCrds(["istio"], { PATH: dir, XDG_CACHE_HOME: join(dir, "cache") })).rejects.toThrow(
      /customresourcedefinitions\.gen\.yaml of istio\.io\/api@v1\.31\.1 has sha256 \w{64}, not the pinned c0ad59e0/,
    );
  });

  test("is downloaded once and then taken from the cache, where a changed copy is refused", async () => {
    await putModule("content");
    const file = { ...PINNED_CRDS.istio[0], sha256: "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73" };
    const withGo = { PATH: dir, XDG_CACHE_HOME: join(dir, "cache") };
    const withoutGo = { PATH: "", XDG_CACHE_HOME: join(dir, "cache") };

    const path = await ensureFile(file, withGo);
    expect(await ensureFile(file, withoutGo)).toBe(path);

    await writeFile(path, "changed");
    await expect(ensureFile(file, withoutGo)).rejects.toThrow(`delete ${path}, and it is downloaded again`);
  });
});

describe("Helm", () => {
  test("of another content than the pinned one is not built, and nothing of it is left in the cache", async () => {
    await putModule("tampered");
    const cache = join(dir, "cache");
    await expect(ensureHelm({ env: { PATH: `${dir}:/bin:/usr/bin`, XDG_CACHE_HOME: cache }, progress })).rejects.toThrow(
      /helm\.sh\/helm\/v4@v4\.3\.1 has the sum h1:of-a-test, not the pinned h1:\S+: read it/,
    );
    expect(await readdir(join(cache, "platform-operator", "controlplane"))).toEqual([]);
  });

  test("that was built is taken from the cache, without Go", async () => {
    const built = join(dir, "platform-operator", "controlplane", "helm-v4.3.1");
    await mkdir(built, { recursive: true });
    await writeFile(join(built, "helm"), "", { mode: 0o755 });
    expect(await ensureHelm({ env: { PATH: "", XDG_CACHE_HOME: dir }, progress })).toBe(join(built, "helm"));
  });
});

async function putPrograms(programs: readonly string[]): Promise<void> {
  for (const program of programs) await putScript(program, "true");
}

async function putScript(name: string, script: string): Promise<void> {
  await writeFile(join(dir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

/** A go whose every module is `dir`, with this text as Istio's CRDs. */
async function putModule(text: string): Promise<void> {
  await putScript("go", `case "$1" in env) echo go1.26.0;; *) echo '{"Dir": "${dir}", "Sum": "h1:of-a-test"}';; esac`);
  const { path } = PINNED_CRDS.istio[0];
  await mkdir(dirname(join(dir, path)), { recursive: true });
  await writeFile(join(dir, path), text);
}
