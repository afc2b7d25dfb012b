import { appMeshOf, type EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { virtualNodeArn } from "../../resources/app-mesh/names.ts";
import { certificateName, tlsMode } from "../../resources/mesh/app-mesh-tls.ts";
import type { World } from "../ports.ts";
import type { StepReport } from "../step.ts";
import { WATCHED } from "./apply-set.ts";
import type { Scope } from "./scope.ts";

/** What has to be there in the cluster before a pod with Envoy of App Mesh starts. */

/** Said of every service there: the platform's promise of restricted pods does not hold for it. */
export const ENVOY_NOTE =
  "what leads these pods' traffic through Envoy needs NET_ADMIN as they start, so they are not restricted (Pod Security Standards)";

const ENFORCE = "pod-security.kubernetes.io/enforce";
/** Both forbid NET_ADMIN. */
const TOO_STRICT: readonly (string | undefined)[] = ["restricted", "baseline"];

/** Why no pod of the service can be in App Mesh as its tier asks; undefined: it can. */
export function appMeshObstacle({
  service,
  namespaceLabels,
  config,
}: Pick<Scope, "service" | "namespaceLabels" | "config">): StepReport | undefined {
  const level = namespaceLabels[ENFORCE];
  if (TOO_STRICT.includes(level)) {
    return {
      state: "blocked",
      reason: "PodSecurity",
      message: `namespace ${service.key.namespace} enforces the Pod Security Standard ${String(level)}, which refuses pods of App Mesh, since their traffic is led through Envoy with NET_ADMIN: the platform team moves the namespace to Istio (mesh.overrides of the operator's configuration), or labels it ${ENFORCE}: privileged`,
    };
  }
  if (service.tier.spec.network.mtls === "Strict" && tlsMode(service, config) === undefined) {
    return {
      state: "blocked",
      reason: "NoCertificates",
      message: `tier ${service.spec.tier} asks for mutual TLS, and App Mesh has no certificates: the platform team names a cert-manager issuer in mesh.appMesh.certificates of the operator's configuration, or name a tier whose mtls is Permissive`,
    };
  }
  return undefined;
}

/** What a role that others own has to allow, which is not ours to write or to read; undefined: the role is the service's own. */
export function rightsOfOthers({ spec, key }: EffectiveService, config: OperatorConfig): string | undefined {
  const role = spec.aws?.existingRole;
  return role === undefined
    ? undefined
    : `Envoy has role ${role}, whose owner has to allow appmesh:StreamAggregatedResources on ${virtualNodeArn(key, config)}`;
}

interface CertificateScope extends Pick<Scope, "service" | "config" | "facts"> {
  readonly world: Pick<World, "certificate">;
}

/** Whether Envoy will find its certificate; undefined: it will, or there is no TLS in the mesh. */
export function ensureCertificate({ service, world, config, facts }: CertificateScope): StepReport | undefined {
  const { certificates } = appMeshOf(config);
  if (certificates === null) return undefined;
  const name = certificateName(service.key);
  const state = world.certificate({ namespace: service.key.namespace, name });
  if (state?.ready === true) {
    facts.certificateRevision = state.revision;
    return undefined;
  }
  const { kind, name: issuer } = certificates.issuer;
  const said = state?.trouble === undefined ? "" : ` (${state.trouble})`;
  if (state === undefined || state.issuing || state.trouble === undefined) {
    return {
      state: "progressing",
      reason: "WaitingForCertificate",
      message: `waits for cert-manager to issue Certificate ${name}${said}: if it does not, see that cert-manager runs and that ${kind} ${issuer} is ready`,
      ...WATCHED,
    };
  }
  return {
    state: "blocked",
    reason: "CertificateNotReady",
    message: `cert-manager has not issued Certificate ${name}${said}: see its conditions, and those of ${kind} ${issuer}`,
    ...WATCHED,
  };
}
