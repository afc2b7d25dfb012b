import type { ObjectKey } from "../../crds/meta.ts";
import type { Step } from "../step.ts";
import type { RemoveScope, Scope } from "./scope.ts";

/** Agreement: each service that this one depends on exists and has granted it. Advisory: two squads must not be able to lock each other. */
export const dependenciesStep: Step<Scope, RemoveScope> = {
  name: "dependencies",
  condition: "DependenciesGranted",

  async ensure(scope) {
    const written = scope.service.spec.dependencies?.services ?? [];
    if (written.length === 0) return { state: "skipped", reason: "NoDependencies", message: "it names no service that it depends on" };
    const missing = written
      .map((d) => ungranted(scope, { namespace: d.namespace || scope.service.key.namespace, name: d.name }))
      .filter((m) => m !== undefined);
    const first = missing[0];
    if (first) return { state: "blocked", reason: first.reason, message: missing.map((m) => m.message).join("; ") };
    return { state: "ready", reason: "Granted" };
  },

  async remove() {
    return { state: "gone" };
  },
};

function ungranted({ service, world }: Scope, callee: ObjectKey): { reason: string; message: string } | undefined {
  const neighbour = world.neighbour(callee);
  const path = `${callee.namespace}/${callee.name}`;
  if (!neighbour)
    return {
      reason: "NotFound",
      message: `PlatformService ${path} does not exist: create it, or remove it from spec.dependencies.services`,
    };
  const { namespace, name } = service.key;
  const granted = neighbour.callers.some(
    (c) => c.namespace === namespace && (c.kind === "service" ? c.name === name : c.name === service.serviceAccountName),
  );
  if (granted) return undefined;
  return {
    reason: "NotGranted",
    message: `${path} does not let this service call: its file needs { name: ${name}, namespace: ${namespace} } in spec.callers.services`,
  };
}
