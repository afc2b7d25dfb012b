import { hasAmbient } from "../crds/effective.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type { DefinitionFacts } from "./facts.ts";

/** The configuration asks for what the API server does not serve: better no start than routes that are quietly without effect. */
export class MissingApiError extends Error {
  override readonly name = "MissingApiError";
}

const GROUP = "gateway.networking.k8s.io";

/** Throws MissingApiError where a namespace may be in Istio's ambient data plane and Gateway API is not there, or too old for what routes say. */
export function requireApis(config: OperatorConfig, definitions: readonly DefinitionFacts[]): void {
  if (!hasAmbient(config)) return;
  const served = new Map(definitions.filter((one) => one.group === GROUP && one.established).map((one) => [one.kind, one]));
  const missing = ["Gateway", "HTTPRoute"].filter((kind) => !served.has(kind));
  if (missing.length > 0) {
    throw new MissingApiError(
      `the configuration has dataPlane: Ambient under mesh, and the API server does not serve ${missing.join(" and ")} (${GROUP}/v1): install Gateway API's CustomResourceDefinitions, or write dataPlane: Sidecar`,
    );
  }
  if (served.get("HTTPRoute")?.canForbidRetries !== true) {
    throw new MissingApiError(
      `the configuration has dataPlane: Ambient under mesh, and an HTTPRoute of this API server cannot say that nothing is tried again (rules[].retry.attempts: 0): install Gateway API 1.7 or later, or the experimental channel of 1.5, or write dataPlane: Sidecar`,
    );
  }
}
