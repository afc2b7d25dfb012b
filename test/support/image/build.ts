import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../../../src/cli/keys.ts";
import { runContained } from "./contained.ts";
import { run, type Daemon } from "./daemon.ts";

/** The operator's image, by the Dockerfile, with bases made of Debian packages, so that no image registry is asked. */

export const IMAGE = "platform-operator:test";
const BUILD = "build:test";
const BASE = "base:test";
/** A shell and the tools that a build needs. */
const TOOLS = "tools:test";
const SUITE = "bookworm";
/** Of the Dockerfile's BASE. */
const BASE_PACKAGES = ["libc6", "libgcc-s1", "libstdc++6", "ca-certificates"];
const BUILD_PACKAGES = ["dash", "coreutils", "libc6", "libgcc-s1", "libstdc++6"];
const NPM = "npm@11.19.1";
/** The machine's: its network may have an authority of its own. */
const CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt";

export async function buildImage(daemon: Daemon): Promise<void> {
  await Promise.all([importDebian(daemon, BASE, BASE_PACKAGES), importDebian(daemon, TOOLS, BUILD_PACKAGES)]);
  await addNode(daemon);
  const bases = ["--build-arg", `BASE=${BASE}`, "--build-arg", `BUILD=${BUILD}`];
  await daemon.docker("build", "--network=host", "--tag", IMAGE, ...bases, ROOT);
}

/** The archive of an image with a shell, once the image is built. */
export function toolsArchive({ dir }: Daemon): string {
  return archiveOf(dir, TOOLS);
}

function archiveOf(dir: string, tag: string): string {
  return join(dir, `${tag.replace(":", "-")}.tar`);
}

/** Unpacked, with no script of a package run: no package manager is in it. */
async function importDebian({ dir, docker }: Daemon, tag: string, packages: readonly string[]): Promise<void> {
  const archive = archiveOf(dir, tag);
  const args = ["--variant=extract", `--include=${packages.join(",")}`, SUITE, archive];
  await runContained({ dir, name: `mmdebstrap-${tag.replace(":", "-")}`, script: 'mmdebstrap "$@"', args });
  await docker("import", archive, tag);
}

/** As docker.io/library/node: with this project's Node, and npm. */
async function addNode({ dir, docker, env }: Daemon): Promise<void> {
  const context = join(dir, "node");
  await mkdir(context);
  await run("npm", ["pack", "--silent", NPM, "--pack-destination", context], env);
  await cp(join(ROOT, "node_modules/node/bin/node"), join(context, "node"));
  await cp(CERTIFICATES, join(context, "ca-certificates.crt"), { dereference: true });
  const npm = `${NPM.replace("@", "-")}.tgz`;
  const dockerfile = `FROM ${TOOLS}
COPY node /usr/local/bin/node
ADD ${npm} /usr/local/lib/npm
COPY ca-certificates.crt ${CERTIFICATES}
ENV NODE_EXTRA_CA_CERTS=${CERTIFICATES} PATH=/usr/local/bin:/usr/bin:/bin
RUN ln -s ../lib/npm/package/bin/npm-cli.js /usr/local/bin/npm
`;
  await writeFile(join(context, "Dockerfile"), dockerfile);
  await docker("build", "--quiet", "--network=host", "--tag", BUILD, context);
}
