import { buildVirtualNode } from "../../resources/app-mesh/virtual-node.ts";
import type { StepReport } from "../step.ts";
import { closedReport, convergeInMesh } from "./app-mesh.ts";
import type { Scope } from "./scope.ts";

/** The service's VirtualNode: what Envoy of its pods is told, before any of them starts. Undefined: as desired. */
export async function ensureVirtualNode(scope: Scope): Promise<StepReport | undefined> {
  const { appMesh, service, config, world } = scope;
  return closedReport(config) ?? convergeInMesh(scope, appMesh.virtualNodes, buildVirtualNode(service, config, world));
}
