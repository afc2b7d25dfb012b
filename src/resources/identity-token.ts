import type { EffectiveService, IdentityMode } from "../crds/effective.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { APP_CONTAINER, type Given, type PodPart } from "./container.ts";
import { ENVOY_CONTAINER, PROXY_INIT_CONTAINER } from "./mesh/app-mesh-containers.ts";

/**
 * The token that a pod gets its credentials for, in its template itself. EKS's webhook would add it, but where a ServiceAccount has both bindings
 * it adds Pod Identity's alone, and just after an association is made still IRSA's or nothing (docs/adr, identity modes).
 */

/** The Pod Identity Agent's address on every node. */
export const AGENT_ADDRESS = "169.254.170.23";
/** A day, as EKS's webhook asks for; kubelet renews it in time. */
const TOKEN_SECONDS = 86_400;

interface Token {
  readonly volume: string;
  readonly mountPath: string;
  readonly path: string;
  readonly audience: string;
}

/** Names and paths are those of EKS's webhook, which leaves alone what is there. */
const TOKENS: Readonly<Record<IdentityMode, Token>> = {
  IRSA: {
    volume: "aws-iam-token",
    mountPath: "/var/run/secrets/eks.amazonaws.com/serviceaccount",
    path: "token",
    audience: "sts.amazonaws.com",
  },
  PodIdentity: {
    volume: "eks-pod-identity-token",
    mountPath: "/var/run/secrets/pods.eks.amazonaws.com/serviceaccount",
    path: "eks-pod-identity-token",
    audience: "pods.eks.amazonaws.com",
  },
};

export interface IdentityToken extends Given {
  readonly annotations: Readonly<Record<string, string>>;
  readonly volumes: readonly PodPart[];
}

/** Nothing in a cluster that has IRSA alone: what its webhook adds is never in doubt. */
export function identityToken(service: EffectiveService, roleArn: string, config: OperatorConfig): IdentityToken {
  if (!config.identity.modes.includes("PodIdentity")) return { annotations: {}, env: [], volumes: [], volumeMounts: [] };
  const { volume, mountPath, path, audience } = TOKENS[service.identity];
  const file = `${mountPath}/${path}`;
  const byAgent = service.identity === "PodIdentity";
  const { region } = config.cluster;
  return {
    annotations: {
      "eks.amazonaws.com/skip-containers": [
        APP_CONTAINER,
        ...(service.mesh === "AppMesh" ? [ENVOY_CONTAINER, PROXY_INIT_CONTAINER] : []),
      ].join(","),
      ...wayToAgent(service),
    },
    env: [
      ...(byAgent
        ? [
            { name: "AWS_CONTAINER_CREDENTIALS_FULL_URI", value: `http://${AGENT_ADDRESS}/v1/credentials` },
            { name: "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", value: file },
          ]
        : [
            { name: "AWS_ROLE_ARN", value: roleArn },
            { name: "AWS_WEB_IDENTITY_TOKEN_FILE", value: file },
          ]),
      { name: "AWS_REGION", value: region },
      { name: "AWS_DEFAULT_REGION", value: region },
      { name: "AWS_STS_REGIONAL_ENDPOINTS", value: "regional" },
    ],
    volumes: [{ name: volume, projected: { sources: [{ serviceAccountToken: { audience, expirationSeconds: TOKEN_SECONDS, path } }] } }],
    volumeMounts: [{ name: volume, mountPath, readOnly: true }],
  };
}

/** A proxy that knows only what is registered would not let the call to the node's agent pass. */
export function wayToAgent(service: EffectiveService): Readonly<Record<string, string>> {
  const hidden = service.identity === "PodIdentity" && service.mesh === "Istio";
  return hidden ? { "traffic.sidecar.istio.io/excludeOutboundIPRanges": `${AGENT_ADDRESS}/32` } : {};
}
