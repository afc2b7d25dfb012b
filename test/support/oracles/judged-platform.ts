import { readdirSync } from "node:fs";
import { join } from "node:path";
import { applyCrds } from "../../../controlplane/kubectl.ts";
import { startControlPlane } from "../../../controlplane/start.ts";
import { thirdPartyCrds } from "../../../controlplane/third-party.ts";
import { DEV_CONFIG, operatorAccess, startAws } from "../../../src/cli/environment.ts";
import { ROOT } from "../../../src/cli/keys.ts";
import { startOperator } from "../../../src/cli/operator-process.ts";
import { readConfigFile } from "../../../src/config.ts";
import { infoOf, type PlatformInfo } from "../platform.ts";
import { startIstiod } from "./istiod.ts";
import { startKarpenter } from "./karpenter.ts";
import type { Oracles } from "./programs.ts";

/** A platform without a node of ours: pods get theirs from Karpenter, and istiod judges and reads what the operator, as a process, writes. */
export interface JudgedPlatform {
  readonly info: PlatformInfo;
  /** Where proxies ask istiod. */
  readonly istiod: string;
  readonly karpenterMetrics: string;
  stop(): Promise<void>;
}

const STOP_GRACE_MS = 5_000;

/** Tiers whose pods have to be in three zones, although there is no node before the first of them. */
const ZONED_TIERS: readonly string[] = ["tier-1", "pci"];

export async function startJudgedPlatform(oracles: Oracles, log: (line: string) => void): Promise<JudgedPlatform> {
  const config = readConfigFile(DEV_CONFIG);
  const plane = await startControlPlane({ log });
  const started: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const end of started.toReversed()) await end();
    await plane.stop();
  };
  try {
    await applyCrds(plane.kubectl, await thirdPartyCrds(["istio", "karpenter", "prometheusOperator"], process.env));
    await applyCrds(
      plane.kubectl,
      readdirSync(join(ROOT, "config/crd")).map((file) => join(ROOT, "config/crd", file)),
    );
    for (const what of ["dev/istio-stand-in.yaml", "tiers", "rbac"]) await plane.kubectl(["apply", "-f", join(ROOT, "config", what)]);
    for (const tier of ZONED_TIERS)
      await plane.kubectl([
        "patch",
        "platformtier",
        tier,
        "--type=merge",
        "-p",
        JSON.stringify({ spec: { availability: { minZones: 3 } } }),
      ]);
    const [karpenter, istiod] = await Promise.all([startKarpenter(plane, oracles.kwok), startIstiod(plane, oracles["pilot-discovery"])]);
    started.push(
      () => karpenter.process.stop(STOP_GRACE_MS),
      () => istiod.process.stop(STOP_GRACE_MS),
    );
    log("Karpenter and istiod run");
    const emulator = await startAws(config);
    started.push(() => emulator.close());
    const operatorKubeconfig = await operatorAccess(plane);
    const operator = await startOperator({
      dir: plane.dir,
      configFile: DEV_CONFIG,
      kubeconfig: operatorKubeconfig,
      awsEndpoint: emulator.url,
    });
    started.push(() => operator.stop());
    return {
      info: infoOf({ plane, emulator, operator, operatorKubeconfig, configFile: DEV_CONFIG }),
      istiod: istiod.address,
      karpenterMetrics: karpenter.metricsUrl,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
