import { meshOfNamespace, type EffectiveService, type MeshProvider } from "../../crds/effective.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { callersOf } from "../../resources/agreement.ts";
import type { World } from "../ports.ts";

/** Mutual TLS knows only those of its own mesh: who calls from another, or from none, is refused. */

/** Callers that the file names and that mutual TLS keeps out for the mesh they are in. A namespace that is not there yet is in none. */
export function callersElsewhere(service: EffectiveService, world: World, config: OperatorConfig): readonly ObjectKey[] {
  if (service.mesh === "None" || service.tier.spec.network.mtls !== "Strict") return [];
  const { services, serviceAccounts } = callersOf(service, world);
  return [...services, ...serviceAccounts].filter(({ namespace }) => {
    const mesh = meshAt(namespace, world, config);
    return mesh !== undefined && mesh !== service.mesh;
  });
}

/** The callee's mesh, where its mutual TLS keeps this service out for being in another. */
export function meshApart(
  service: EffectiveService,
  callee: { readonly key: ObjectKey; readonly tierName: string | undefined },
  world: World,
  config: OperatorConfig,
): MeshProvider | undefined {
  const mesh = meshAt(callee.key.namespace, world, config);
  if (mesh === undefined || mesh === "None" || mesh === service.mesh || callee.tierName === undefined) return undefined;
  return world.tier(callee.tierName)?.spec.network.mtls === "Strict" ? mesh : undefined;
}

/** Undefined: the namespace is not there, or not seen yet. */
export function meshAt(namespace: string, world: Pick<World, "namespaceLabels">, config: OperatorConfig): MeshProvider | undefined {
  const labels = world.namespaceLabels(namespace);
  return labels && meshOfNamespace(labels, config).mesh;
}
