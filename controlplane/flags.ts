/** The flags of each program: what differs from their defaults, and why. */
import { join } from "node:path";

import type { Credentials } from "./credentials.ts";

/** Wide enough for thousands of Services; a /24 is full at 250. */
const SERVICE_CIDR = "10.96.0.0/16";
const POD_CIDR = "10.244.0.0/16";
/** The defaults (20 and 50 a second) would make a fleet of services wait for the controllers and not for the operator. */
const CLIENT_LIMITS = ["--kube-api-qps=500", "--kube-api-burst=1000"];

export interface Layout {
  readonly dir: string;
  readonly etcdPort: number;
  readonly etcdPeerPort: number;
  readonly apiPort: number;
}

/** The API server's self-signed certificate and its CA, which it makes itself at its first start. */
export function caFileOf({ dir }: Layout): string {
  return join(dir, "certs", "apiserver.crt");
}

export function etcdFlags({ dir, etcdPort, etcdPeerPort }: Layout): string[] {
  const url = `http://127.0.0.1:${etcdPort}`;
  const peerUrl = `http://127.0.0.1:${etcdPeerPort}`;
  return [
    `--data-dir=${join(dir, "etcd")}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    // The data never outlives its processes, so nothing is gained by waiting for a disk.
    "--unsafe-no-fsync",
    "--log-level=warn",
  ];
}

export interface ApiServerOptions {
  readonly layout: Layout;
  readonly credentials: Credentials;
  readonly audit: { readonly policyFile: string; readonly logFile: string } | undefined;
  readonly extra: readonly string[];
}

export function apiServerFlags({ layout, credentials, audit, extra }: ApiServerOptions): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${layout.etcdPort}`,
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    `--secure-port=${layout.apiPort}`,
    `--cert-dir=${join(layout.dir, "certs")}`,
    // A loopback address may not stand in the Endpoints of the `kubernetes` Service.
    "--endpoint-reconciler-type=none",
    "--authorization-mode=RBAC",
    `--token-auth-file=${credentials.tokenFile}`,
    "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
    `--service-account-key-file=${credentials.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${credentials.serviceAccountKey}`,
    `--service-cluster-ip-range=${SERVICE_CIDR}`,
    "--allow-privileged=true",
    // Without it a stopping server waits for its open watches for a minute.
    "--shutdown-watch-termination-grace-period=1s",
    ...(audit === undefined
      ? []
      : // Not rotated, so that one file holds everything.
        [`--audit-policy-file=${audit.policyFile}`, `--audit-log-path=${audit.logFile}`, "--audit-log-maxsize=0"]),
    ...extra,
  ];
}

export function controllerManagerFlags(options: {
  readonly kubeconfig: string;
  readonly layout: Layout;
  readonly credentials: Credentials;
}): string[] {
  return [
    `--kubeconfig=${options.kubeconfig}`,
    `--root-ca-file=${caFileOf(options.layout)}`,
    `--service-account-private-key-file=${options.credentials.serviceAccountKey}`,
    // Each controller under its own ServiceAccount and role, as in a real cluster.
    "--use-service-account-credentials=true",
    "--leader-elect=false",
    "--secure-port=0",
    ...CLIENT_LIMITS,
  ];
}

export function schedulerFlags(kubeconfig: string): string[] {
  return [`--kubeconfig=${kubeconfig}`, "--leader-elect=false", "--secure-port=0", ...CLIENT_LIMITS];
}

export function kwokFlags(options: { readonly kubeconfig: string; readonly stagesFile: string }): string[] {
  return [
    `--kubeconfig=${options.kubeconfig}`,
    `--config=${options.stagesFile}`,
    "--manage-all-nodes",
    "--node-lease-duration-seconds=40",
    `--cidr=${POD_CIDR}`,
    "--node-ip=127.0.0.1",
  ];
}
