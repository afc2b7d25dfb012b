import type { KubeObject } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
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

/** Who may call, by identity. An ALLOW policy whose rules match nothing, or that has none, refuses everything. */
export function buildAuthorizationPolicy(service: EffectiveService, config: OperatorConfig, facts: NetworkFacts): KubeObject {
  const rules = [callerRule(service, config, facts), metricsRule(service)].filter((rule) => rule !== undefined);
  return childObject(service, {
    apiVersion: SECURITY_API,
    kind: "AuthorizationPolicy",
    body: { spec: { selector: { matchLabels: selectorLabels(service) }, action: "ALLOW", ...(rules.length > 0 && { rules }) } },
  });
}

type Rule = Readonly<Record<string, unknown>>;

function callerRule(service: EffectiveService, config: OperatorConfig, facts: NetworkFacts): Rule | undefined {
  const { port } = service.spec;
  const { services, serviceAccounts } = callersOf(service, facts);
  const principals = sortedUnique([...services, ...serviceAccounts].map((key) => principal(key, config)));
  if (port === undefined || principals.length === 0) return undefined;
  // While a namespace moves into the mesh its pods have no identity yet: plain text is let in, and the NetworkPolicy alone says from whom.
  const anonymous = service.tier.spec.network.mtls === "Permissive" ? [{ source: { notPrincipals: ["*"] } }] : [];
  return { from: [{ source: { principals } }, ...anonymous], to: [{ operation: { ports: [String(port)] } }] };
}

/** A PlatformService's pods run as the ServiceAccount of its name. */
function principal(key: ObjectKey, config: OperatorConfig): string {
  return `${config.mesh.istio.trustDomain}/ns/${key.namespace}/sa/${key.name}`;
}

/** Nobody in particular: a scraper in plain text has no identity; the NetworkPolicy lets only the monitoring namespace this far. */
function metricsRule(service: EffectiveService): Rule | undefined {
  const metrics = service.spec.container?.metrics;
  return metrics && { to: [{ operation: { ports: [String(metrics.port)] } }] };
}
