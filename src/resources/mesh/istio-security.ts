import type { KubeObject } from "../../crds/desired.ts";
import { hasAmbient, type EffectiveService } from "../../crds/effective.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { callersOf } from "../agreement.ts";
import { childObject } from "../child-object.ts";
import type { NetworkFacts } from "../facts.ts";
import { selectorLabels } from "../labels.ts";
import { sortedUnique } from "../order.ts";

export const SECURITY_API = "security.istio.io/v1";

/** Mutual TLS on every port but the metrics port, which a scraper outside the mesh reads. */
export function buildPeerAuthentication(service: EffectiveService): KubeObject {
  const metrics = service.spec.container?.metrics;
  const strict = service.tier.spec.network.mtls === "Strict";
  return childObject(service, {
    apiVersion: SECURITY_API,
    kind: "PeerAuthentication",
    body: {
      spec: {
        selector: { matchLabels: selectorLabels(service) },
        mtls: { mode: strict ? "STRICT" : "PERMISSIVE" },
        ...(strict && metrics && { portLevelMtls: { [String(metrics.port)]: { mode: "PERMISSIVE" } } }),
      },
    },
  });
}

export interface AuthorizationInput {
  readonly service: EffectiveService;
  readonly config: OperatorConfig;
  readonly facts: NetworkFacts;
  /** What callers' requests come through, under its own identity. */
  readonly waypoint: ObjectKey | undefined;
}

/** Who may call, by identity, at the pod. An ALLOW policy whose rules match nothing, or that has none, refuses everything. */
export function buildAuthorizationPolicy(input: AuthorizationInput): KubeObject {
  const { service, config } = input;
  const rules = [callerRule(input), metricsRule(service, config)].filter((rule) => rule !== undefined);
  return childObject(service, {
    apiVersion: SECURITY_API,
    kind: "AuthorizationPolicy",
    body: { spec: { selector: { matchLabels: selectorLabels(service) }, action: "ALLOW", ...(rules.length > 0 && { rules }) } },
  });
}

/** The same callers at the waypoint, by the Service that it stands before: at the pod a request of anybody's has the waypoint's identity. */
export function buildWaypointPolicy({ service, config, facts }: AuthorizationInput): KubeObject {
  const principals = callerPrincipals(service, config, facts);
  const rules = principals.length > 0 ? { rules: [{ from: [{ source: { principals } }] }] } : {};
  return childObject(service, {
    apiVersion: SECURITY_API,
    kind: "AuthorizationPolicy",
    // After a dot, so that no two services' objects collide.
    name: `${service.key.name}.waypoint`,
    body: { spec: { targetRefs: [{ group: "", kind: "Service", name: service.key.name }], action: "ALLOW", ...rules } },
  });
}

type Rule = Readonly<Record<string, unknown>>;

/** Callers themselves too where there is a waypoint: gateways and sidecars go past it, and so does everybody until it is ready. */
function callerRule({ service, config, facts, waypoint }: AuthorizationInput): Rule | undefined {
  const { port } = service.spec;
  const callers = callerPrincipals(service, config, facts);
  if (port === undefined || callers.length === 0) return undefined;
  const principals = sortedUnique([...callers, ...(waypoint ? [principal(waypoint, config)] : [])]);
  // While a namespace moves into the mesh its pods have no identity yet: plain text is let in, and the NetworkPolicy alone says from whom.
  const anonymous = service.tier.spec.network.mtls === "Permissive" ? [{ source: { notPrincipals: ["*"] } }] : [];
  return { from: [{ source: { principals } }, ...anonymous], to: [{ operation: { ports: [String(port)] } }] };
}

function callerPrincipals(service: EffectiveService, config: OperatorConfig, facts: NetworkFacts): readonly string[] {
  const { services, serviceAccounts } = callersOf(service, facts);
  return sortedUnique([...services, ...serviceAccounts].map((key) => principal(key, config)));
}

/** A PlatformService's pods run as the ServiceAccount of its name, and a waypoint's as that of the Gateway's. */
function principal(key: ObjectKey, config: OperatorConfig): string {
  return `${config.mesh.istio.trustDomain}/ns/${key.namespace}/sa/${key.name}`;
}

/**
 * A scraper in plain text has no identity; the NetworkPolicy lets only the monitoring namespace this far. Where there are tunnels it cannot tell the
 * ports in them apart, so callers are kept out by their identity.
 */
function metricsRule(service: EffectiveService, config: OperatorConfig): Rule | undefined {
  const metrics = service.spec.container?.metrics;
  const from = [{ source: { notPrincipals: ["*"] } }, { source: { namespaces: [config.network.monitoringNamespace] } }];
  return metrics && { ...(hasAmbient(config) && { from }), to: [{ operation: { ports: [String(metrics.port)] } }] };
}
