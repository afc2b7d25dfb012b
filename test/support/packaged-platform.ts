import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { startControlPlane, type ControlPlane } from "../../controlplane/start.ts";
import type { Emulator } from "../../emulator/server.ts";
import { installNodes, installThirdParties, operatorAccess, startAws } from "../../src/cli/environment.ts";
import { ROOT } from "../../src/cli/keys.ts";
import { startOperator, type OperatorProcess } from "../../src/cli/operator-process.ts";
import { parseConfig } from "../../src/config.ts";
import { helmFolder, helmIn, NAMESPACE, type Helm } from "./helm.ts";
import { infoOf, type PlatformInfo } from "./platform.ts";

/**
 * A cluster into which the charts are installed. kwok runs no containers, so the operator's own pods are Ready and do nothing; beside them runs the real
 * operator, as the chart has it: under the chart's ServiceAccount, with the chart's ConfigMap.
 */
export class PackagedPlatform {
  readonly plane: ControlPlane;
  readonly helm: Helm;
  readonly #dir: string;
  #emulator: Emulator | undefined;
  #operator: OperatorProcess | undefined;
  #root = ROOT;

  private constructor(plane: ControlPlane, helm: Helm, dir: string) {
    this.plane = plane;
    this.helm = helm;
    this.#dir = dir;
  }

  /** With nodes, the APIs of others, and a namespace for the operator in which Pod Security is enforced as restricted. */
  static async start(): Promise<PackagedPlatform> {
    const dir = await helmFolder();
    // Before the control plane, whose programs would wait for minutes while Helm is built.
    await helmIn(dir);
    const plane = await startControlPlane({ audit: true });
    try {
      await installThirdParties(plane);
      await installNodes(plane);
      await plane.kubectl(["create", "namespace", NAMESPACE]);
      await plane.kubectl([
        "label",
        "namespace",
        NAMESPACE,
        "pod-security.kubernetes.io/enforce=restricted",
        "pod-security.kubernetes.io/warn=restricted",
      ]);
      return new PackagedPlatform(plane, await helmIn(dir, plane.adminKubeconfig), dir);
    } catch (error) {
      await plane.stop();
      throw error;
    }
  }

  /** `helm install` or `upgrade` of the operator's chart with --wait, and the operator as it then is; resolves to what Helm printed. */
  roll(verb: "install" | "upgrade", ...values: readonly string[]): Promise<string> {
    return this.rollTo(ROOT, verb, ...values);
  }

  /** As `roll`, to the chart and the sources of a release that is in the folder `root`. */
  async rollTo(root: string, verb: "install" | "upgrade", ...values: readonly string[]): Promise<string> {
    await this.stopOperator();
    this.#root = root;
    const rolling = this.helm(
      verb,
      "platform-operator",
      join(root, "charts/platform-operator"),
      "-n",
      NAMESPACE,
      "--wait",
      "--timeout",
      "2m",
      ...values,
    );
    // Helm waits for the tiers, and those for an operator; so the operator starts while Helm waits.
    const [printed] = await Promise.all([rolling, verb === "install" ? this.#startOnceInstalled() : undefined]);
    if (verb === "upgrade") await this.startOperator();
    return printed;
  }

  async #startOnceInstalled(): Promise<void> {
    for (const what of ["serviceaccount", "configmap", "clusterrolebinding"]) {
      await this.plane.kubectl(["wait", "--for=create", `${what}/platform-operator`, "-n", NAMESPACE, "--timeout=60s"]);
    }
    await this.startOperator();
  }

  /** Of the release that was rolled to last, with the configuration that the chart has it have. */
  async startOperator(): Promise<void> {
    const configMap = z.object({ data: z.object({ "operator-config.yaml": z.string() }) });
    const { data } = configMap.parse(
      JSON.parse(await this.plane.kubectl(["get", "configmap", "platform-operator", "-n", NAMESPACE, "-o", "json"])),
    );
    await this.startOperatorWith(this.#root, data["operator-config.yaml"]);
  }

  /** Of the release in the folder `root`. */
  async startOperatorWith(root: string, config: string): Promise<void> {
    const { plane } = this;
    await writeFile(this.#configFile, config);
    this.#emulator ??= await startAws(parseConfig(config, "the operator's configuration"));
    this.#operator = await startOperator({
      root,
      dir: plane.dir,
      configFile: this.#configFile,
      kubeconfig: await operatorAccess(plane),
      awsEndpoint: this.#emulator.url,
    });
  }

  async stopOperator(): Promise<void> {
    await this.#operator?.stop();
    this.#operator = undefined;
  }

  get #configFile(): string {
    return join(this.plane.dir, "operator-config.yaml");
  }

  /** Once installed. */
  info(): PlatformInfo {
    if (!this.#emulator || !this.#operator) throw new Error("the operator does not run");
    return infoOf({
      plane: this.plane,
      emulator: this.#emulator,
      operator: this.#operator,
      operatorKubeconfig: join(this.plane.dir, "operator.kubeconfig"),
      configFile: this.#configFile,
    });
  }

  async stop(): Promise<void> {
    await this.stopOperator();
    await this.#emulator?.close();
    await this.plane.stop();
    await rm(this.#dir, { recursive: true });
  }
}
