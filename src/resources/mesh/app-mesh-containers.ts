import { ANNOTATIONS } from "../../crds/meta.ts";
import { appMeshOf, type EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { virtualNodePath } from "../app-mesh/names.ts";
import type { PodPart } from "../container.ts";
import type { IdentityToken } from "../identity-token.ts";
import { certificateName, TLS_FILES } from "./app-mesh-tls.ts";
import type { PodInput, PodParts } from "./mesh.ts";
import { isMeasuredByMesh } from "./request-metrics.ts";

/**
 * Envoy in a pod, as AWS's own injector puts it there (aws-app-mesh-controller-for-k8s, pkg/inject), but as a native sidecar: it is up before the
 * application starts, and ends after it.
 */

/** Names that AWS's injector gives them. */
export const ENVOY_CONTAINER = "envoy";
export const PROXY_INIT_CONTAINER = "proxyinit";

/** What Envoy runs as; only what this user sends passes it by. */
export const ENVOY_UID = 1337;
/** Envoy's administration and statistics. It listens on every address, since nothing tells it otherwise: the NetworkPolicy closes it. */
export const ENVOY_ADMIN_PORT = 9901;
export const ENVOY_STATS_PORT_NAME = "stats";
const ENVOY_INGRESS_PORT = 15_000;
const ENVOY_EGRESS_PORT = 15_001;
/** Ports that the application cannot have. */
export const ENVOY_PORTS: readonly number[] = [ENVOY_ADMIN_PORT, ENVOY_INGRESS_PORT, ENVOY_EGRESS_PORT];

/** Instance metadata, and EKS's Pod Identity Agent: link-local, and no business of a mesh. */
const IGNORED_ADDRESSES = ["169.254.169.254", "169.254.170.23"];
const IGNORED_PORT = 22;

/** For as long as AWS's injector lets an application wait for Envoy. */
const STARTUP_SECONDS = 180;
const VOLUME = "mesh-tls";

/** What App Mesh adds to a pod template. */
export function appMeshPod({ service, config, facts, token }: PodInput): PodParts {
  const tls = appMeshOf(config).certificates !== null;
  return {
    annotations: {
      // AWS's injector looks for Envoy among the containers alone, and would add another.
      "appmesh.k8s.aws/sidecarInjectorWebhook": "disabled",
      ...(facts.certificateRevision !== undefined && { [ANNOTATIONS.meshCertificate]: String(facts.certificateRevision) }),
    },
    initContainers: [proxyInit(service, config), envoy(service, config, { token, tls })],
    volumes: tls ? [{ name: VOLUME, secret: { secretName: certificateName(service.key) } }] : [],
  };
}

/** Leads the pod's traffic through Envoy, before anything of the pod sends any. It changes the pod's own network alone, and for that needs NET_ADMIN. */
function proxyInit({ spec }: EffectiveService, config: OperatorConfig): PodPart {
  const env = {
    APPMESH_START_ENABLED: "1",
    APPMESH_IGNORE_UID: String(ENVOY_UID),
    APPMESH_ENVOY_INGRESS_PORT: String(ENVOY_INGRESS_PORT),
    APPMESH_ENVOY_EGRESS_PORT: String(ENVOY_EGRESS_PORT),
    // Every other port, as that of metrics, is reached past Envoy.
    ...(spec.port !== undefined && { APPMESH_APP_PORTS: String(spec.port) }),
    APPMESH_EGRESS_IGNORED_IP: IGNORED_ADDRESSES.join(","),
    APPMESH_EGRESS_IGNORED_PORTS: String(IGNORED_PORT),
    APPMESH_ENABLE_IPV6: "1",
  };
  return {
    name: PROXY_INIT_CONTAINER,
    image: appMeshOf(config).proxyInitImage,
    env: variables(env),
    resources: { requests: { cpu: "10m", memory: "32Mi" } },
    securityContext: { runAsUser: 0, runAsNonRoot: false, allowPrivilegeEscalation: false, capabilities: { add: ["NET_ADMIN"] } },
  };
}

interface EnvoyInput {
  readonly token: IdentityToken;
  readonly tls: boolean;
}

function envoy(service: EffectiveService, config: OperatorConfig, { token, tls }: EnvoyInput): PodPart {
  const env = {
    APPMESH_RESOURCE_ARN: virtualNodePath(service.key, config),
    AWS_REGION: config.cluster.region,
    ENVOY_ADMIN_ACCESS_PORT: String(ENVOY_ADMIN_PORT),
    APPNET_AGENT_ADMIN_MODE: "uds",
    APPNET_AGENT_ADMIN_UDS_PATH: "/tmp/agent.sock",
    // A sidecar is stopped when the application has ended: there is nothing left to drain.
    LISTENER_DRAIN_WAIT_TIME_S: "1",
    // The VirtualNode as a label of its metrics.
    ...(isMeasuredByMesh(service) && { ENABLE_ENVOY_STATS_TAGS: "1" }),
  };
  const isLive = {
    exec: { command: ["sh", "-c", `curl -s http://localhost:${ENVOY_ADMIN_PORT}/server_info | grep state | grep -q LIVE`] },
  };
  const volumeMounts = [...token.volumeMounts, ...(tls ? [{ name: VOLUME, mountPath: TLS_FILES.folder, readOnly: true }] : [])];
  return {
    name: ENVOY_CONTAINER,
    image: appMeshOf(config).envoyImage,
    restartPolicy: "Always",
    // By its own right it is told what the mesh is.
    env: [...variables(env), ...token.env.filter(({ name }) => !(name in env))],
    ports: [{ name: ENVOY_STATS_PORT_NAME, containerPort: ENVOY_ADMIN_PORT, protocol: "TCP" }],
    resources: { requests: { cpu: "100m", memory: "128Mi" } },
    startupProbe: { ...isLive, periodSeconds: 1, failureThreshold: STARTUP_SECONDS },
    readinessProbe: isLive,
    securityContext: { runAsUser: ENVOY_UID, runAsNonRoot: true, allowPrivilegeEscalation: false },
    ...(volumeMounts.length > 0 && { volumeMounts }),
  };
}

function variables(env: Readonly<Record<string, string>>): readonly { readonly name: string; readonly value: string }[] {
  return Object.entries(env).map(([name, value]) => ({ name, value }));
}
