/** CRDs of other projects, taken from their Go modules, pinned by content and kept in the user's cache. */
import { createHash } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { z } from "zod";

import { cacheDir } from "./build.ts";
import { type Env, requireGo, runGo } from "./go.ts";

interface PinnedModule {
  readonly module: string;
  readonly version: string;
}

interface PinnedFile extends PinnedModule {
  readonly path: string;
  readonly sha256: string;
}

/** The files of each API; a new version is a new pin. */
export const PINNED_CRDS = {
  istio: [
    {
      module: "istio.io/api",
      version: "v1.31.1",
      path: "kubernetes/customresourcedefinitions.gen.yaml",
      sha256: "c0ad59e008658765412badb836e73a523a355e3d792a32ad3c0711a728be5aff",
    },
  ],
  // The newest whose HTTPRoute can say that nothing is tried again and whose module Go 1.26 reads; in the standard channel from v1.7 on.
  gatewayApi: [
    {
      module: "sigs.k8s.io/gateway-api",
      version: "v1.5.1",
      path: "config/crd/experimental/gateway.networking.k8s.io_gateways.yaml",
      sha256: "ecb21e3a23757108e74399c49365864f5e0d87c694679d63e4c34c7ccf579e2a",
    },
    {
      module: "sigs.k8s.io/gateway-api",
      version: "v1.5.1",
      path: "config/crd/experimental/gateway.networking.k8s.io_httproutes.yaml",
      sha256: "9012253cf248583189ff74426140556fafa38b66dc57553fd79f9ae34b2eee9f",
    },
  ],
  karpenter: [
    {
      module: "sigs.k8s.io/karpenter",
      version: "v1.14.1",
      path: "pkg/apis/crds/karpenter.sh_nodepools.yaml",
      sha256: "62990043212a239704c0195bbd37abd0fddad90a586f5b37dfb403a0a0aefe1e",
    },
    {
      module: "sigs.k8s.io/karpenter",
      version: "v1.14.1",
      path: "pkg/apis/crds/karpenter.sh_nodeclaims.yaml",
      sha256: "712e207ad9da26b95717b82bff8bc89a2b5fc048309f97207e407788b426faf9",
    },
  ],
  certManager: [
    {
      module: "github.com/cert-manager/cert-manager",
      version: "v1.19.1",
      path: "deploy/crds/cert-manager.io_certificates.yaml",
      sha256: "7c99af3441710ffb4c0988c87a36a1448b293d4c99bf4e5ca8d3adbfc1f63b3e",
    },
  ],
  argoRollouts: [
    {
      module: "github.com/argoproj/argo-rollouts",
      version: "v1.8.3",
      path: "manifests/crds/rollout-crd.yaml",
      sha256: "1f1c5d67088ccf355d1e0681d58bbcaf46a9dd1bf7215769dcd3e6a62053d8aa",
    },
  ],
  argoExperiments: [
    {
      module: "github.com/argoproj/argo-rollouts",
      version: "v1.8.3",
      path: "manifests/crds/experiment-crd.yaml",
      sha256: "fdaee8ebfe5df574aca29894c42252a6979ca72085c36f81ebe538497e46a444",
    },
  ],
  // Of Karpenter's provider that makes nodes for kwok.
  karpenterKwok: [
    {
      module: "sigs.k8s.io/karpenter",
      version: "v1.14.1",
      path: "kwok/apis/crds/karpenter.kwok.sh_kwoknodeclasses.yaml",
      sha256: "0cc52f2ee2c55d913ac9012c4b73b1ef1c6f84f17bf508ffdf7059a4f8e764fc",
    },
  ],
  prometheusOperator: [
    {
      module: "github.com/prometheus-operator/prometheus-operator",
      version: "v0.85.0",
      path: "example/prometheus-operator-crd/monitoring.coreos.com_podmonitors.yaml",
      sha256: "8ce88c52c51209993511cae093089c9525f5552def88119e3f559123ee9d454b",
    },
    {
      module: "github.com/prometheus-operator/prometheus-operator",
      version: "v0.85.0",
      path: "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
      sha256: "98fd16c9ab79fba8dcd6ef62c957c98cd6546ab74ce0a4ecf09ddf2fda03020e",
    },
  ],
} as const satisfies Record<string, readonly PinnedFile[]>;

export type ThirdPartyApi = keyof typeof PINNED_CRDS;

/** The CRD files of the APIs named, downloaded where the cache lacks them; throws where a file is not the pinned one. */
export async function thirdPartyCrds(apis: readonly ThirdPartyApi[], env: Env): Promise<string[]> {
  const paths: string[] = [];
  for (const file of apis.flatMap((api): readonly PinnedFile[] => PINNED_CRDS[api])) paths.push(await ensureFile(file, env));
  return paths;
}

/** The cached copy of one pinned file; a copy that somebody changed is an error, not something to use. */
export async function ensureFile(file: PinnedFile, env: Env): Promise<string> {
  const dir = join(cacheDir(env), "crds");
  const path = join(dir, `${file.sha256.slice(0, 16)}-${basename(file.path)}`);
  const cached = await readFile(path).catch(ignoreAbsent);
  if (cached !== undefined) {
    verify(file, cached, `delete ${path}, and it is downloaded again`);
    return path;
  }

  await requireGo(`Downloading the CRDs of ${file.module}@${file.version}`, env);
  const content = await readFile(join((await downloadModule(file, env)).dir, file.path));
  verify(file, content, "correct the pin in controlplane/third-party.ts, once the new content has been read");
  await mkdir(dir, { recursive: true });
  const partial = `${path}.${process.pid}`;
  await writeFile(partial, content);
  await rename(partial, path);
  return path;
}

const downloaded = z.object({ Dir: z.string(), Sum: z.string() });

/** A module in Go's module cache, with its sum as in a go.sum; go itself checks it against the checksum database. */
export async function downloadModule({ module, version }: PinnedModule, env: Env): Promise<{ readonly dir: string; readonly sum: string }> {
  const answer = await runGo({ args: ["mod", "download", "-json", `${module}@${version}`], cwd: tmpdir(), env });
  const { Dir: dir, Sum: sum } = downloaded.parse(JSON.parse(answer));
  return { dir, sum };
}

function verify(file: PinnedFile, content: Buffer, next: string): void {
  const actual = createHash("sha256").update(content).digest("hex");
  if (actual === file.sha256) return;
  throw new Error(`${file.path} of ${file.module}@${file.version} has sha256 ${actual}, not the pinned ${file.sha256}: ${next}.`);
}

function ignoreAbsent(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
  throw error;
}
