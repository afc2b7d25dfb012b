import type { KubeObject } from "../../crds/desired.ts";
import { appMeshOf, type EffectiveService } from "../../crds/effective.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { callersOf } from "../agreement.ts";
import { childObject } from "../child-object.ts";
import type { NetworkFacts } from "../facts.ts";
import { sortedUnique } from "../order.ts";
import { discoveryHost } from "../app-mesh/discovery-service.ts";
import { serviceHost } from "./host.ts";

/** Mutual TLS of App Mesh, by files: cert-manager makes them, Envoy has them mounted, and the VirtualNode names them. */

export const CERTIFICATE_API = "cert-manager.io/v1";

const FOLDER = "/etc/platform-operator/mesh-tls";

/** Where Envoy finds the Secret's files: the same in every pod. */
export const TLS_FILES = {
  folder: FOLDER,
  certificateChain: `${FOLDER}/tls.crt`,
  privateKey: `${FOLDER}/tls.key`,
  /** The authority that both sides of a connection are checked against. */
  trust: `${FOLDER}/ca.crt`,
} as const;

/** What a service's listener does about TLS: STRICT asks every caller for a certificate, PERMISSIVE takes plain text too; undefined: plain text alone. */
export function tlsMode(service: EffectiveService, config: OperatorConfig): "STRICT" | "PERMISSIVE" | undefined {
  if (appMeshOf(config).certificates === null) return undefined;
  return service.tier.spec.network.mtls === "Strict" ? "STRICT" : "PERMISSIVE";
}

/** Name of the Certificate, and of the Secret that cert-manager keeps for it. */
export function certificateName(key: ObjectKey): string {
  return `${key.name}-mesh-tls`;
}

/** Whom a certificate says that its holder is: a subject alternative name, of a PlatformService or of any other ServiceAccount. */
export function workloadIdentity({ namespace, name }: ObjectKey, config: OperatorConfig): string {
  const { certificates } = appMeshOf(config);
  if (certificates === null) throw new Error("mesh.appMesh.certificates of the operator's configuration is not written");
  return `spiffe://${certificates.trustDomain}/ns/${namespace}/sa/${name}`;
}

/** Who may call, by identity: never empty, since an empty list would let in everybody. Nobody but the service itself where nobody may. */
export function callerIdentities(service: EffectiveService, config: OperatorConfig, facts: NetworkFacts): readonly string[] {
  const { services, serviceAccounts } = callersOf(service, facts);
  const callers = sortedUnique([...services, ...serviceAccounts].map((key) => workloadIdentity(key, config)));
  return callers.length > 0 ? callers : [workloadIdentity(service.key, config)];
}

/** The service's certificate, for both ends of a connection; undefined where the mesh has none. Its hosts are among its names, because App Mesh checks on its own that the one it found the pods by is. */
export function buildCertificate(service: EffectiveService, config: OperatorConfig): KubeObject | undefined {
  const { certificates } = appMeshOf(config);
  if (certificates === null) return undefined;
  return childObject(service, {
    apiVersion: CERTIFICATE_API,
    kind: "Certificate",
    name: certificateName(service.key),
    body: {
      spec: {
        secretName: certificateName(service.key),
        dnsNames: [serviceHost(service.key, config), discoveryHost(service.key, config)],
        uris: [workloadIdentity(service.key, config)],
        usages: ["digital signature", "key encipherment", "server auth", "client auth"],
        privateKey: { rotationPolicy: "Always" },
        issuerRef: certificates.issuer,
      },
    },
  });
}
