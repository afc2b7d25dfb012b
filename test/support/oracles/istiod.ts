import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePorts } from "../../../controlplane/ports.ts";
import { startProcess, type ManagedProcess } from "../../../controlplane/process.ts";
import { waitUntil } from "../../../controlplane/readiness.ts";
import type { ControlPlane } from "../../../controlplane/start.ts";
import { CERTIFICATES } from "../test-certificates.ts";

/** The real istiod, and its validation of what is written to the API server. */

const NAMESPACE = "istio-system";
const READY_DEADLINE_MS = 120_000;

export interface Istiod {
  readonly process: ManagedProcess<"istiod">;
  /** Where proxies ask, in plain text. */
  readonly address: string;
}

export async function startIstiod(plane: ControlPlane, program: string): Promise<Istiod> {
  await plane.kubectl(["create", "namespace", NAMESPACE]);
  const { key, cert } = CERTIFICATES.good;
  // Three files, though two are the same: istiod watches each, and none twice.
  const [keyFile, certFile, caFile] = ["istiod.key", "istiod.crt", "istiod-ca.crt"].map((name) => join(plane.dir, name));
  for (const [file = "", content] of [
    [keyFile, key],
    [certFile, cert],
    [caFile, cert],
  ] as const)
    await writeFile(file, content);
  const [http, https, grpc, secureGrpc, monitoring, introspection] = (await freePorts(6)).map(String);
  const istiod = await startProcess({
    program: "istiod",
    executable: program,
    dir: plane.dir,
    args: [
      "discovery",
      `--kubeconfig=${plane.adminKubeconfig}`,
      `--httpAddr=127.0.0.1:${http}`,
      `--httpsAddr=127.0.0.1:${https}`,
      `--grpcAddr=127.0.0.1:${grpc}`,
      `--secureGRPCAddr=127.0.0.1:${secureGrpc}`,
      `--monitoringAddr=127.0.0.1:${monitoring}`,
      `--ctrlz_port=${introspection}`,
      `--caCertFile=${caFile}`,
      `--tlsCertFile=${certFile}`,
      `--tlsKeyFile=${keyFile}`,
    ],
    // It has no injector here, its webhook is ours to register, at a loopback address, and what it would wait for of Gateway API is not installed.
    env: {
      ...process.env,
      PILOT_ENABLE_GATEWAY_API: "false",
      PILOT_ENABLE_GATEWAY_API_DEPLOYMENT_CONTROLLER: "false",
      PILOT_ENABLE_GATEWAY_API_GATEWAYCLASS_CONTROLLER: "false",
      POD_NAMESPACE: NAMESPACE,
      POD_NAME: "istiod",
      INJECTION_WEBHOOK_CONFIG_NAME: "",
      VALIDATION_WEBHOOK_CONFIG_NAME: "",
    },
  });
  const broken = istiod.ended.then((error) => error ?? new Promise<never>(() => undefined));
  await waitUntil({
    what: "the start of istiod",
    deadlineMs: READY_DEADLINE_MS,
    broken,
    probe: () => answers(`http://127.0.0.1:${http}/ready`),
  });
  await plane.kubectl(["apply", "-f", "-"], { input: JSON.stringify(validation(`https://127.0.0.1:${https}/validate`, cert)) });
  return { process: istiod, address: `127.0.0.1:${grpc}` };
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

/** As Istio's chart registers it: what it does not take, or cannot be asked about, is not written. */
function validation(url: string, cert: string): object {
  return {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "istiod" },
    webhooks: [
      {
        name: "validation.istio.io",
        clientConfig: { url, caBundle: Buffer.from(cert).toString("base64") },
        rules: [
          {
            operations: ["CREATE", "UPDATE"],
            apiGroups: ["security.istio.io", "networking.istio.io", "telemetry.istio.io", "extensions.istio.io"],
            apiVersions: ["*"],
            resources: ["*"],
          },
        ],
        failurePolicy: "Fail",
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
      },
    ],
  };
}
