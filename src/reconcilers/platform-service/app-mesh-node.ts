import { buildVirtualNode } from "../../resources/app-mesh/virtual-node.ts";
import type { StepReport } from "../step.ts";
import { closedReport, convergeInMesh } from "./app-mesh.ts";
import { WATCHED } from "./apply-set.ts";
import { holds, type Scope } from "./scope.ts";

/** The service's VirtualNode: what Envoy of its pods is told, before any of them starts. Undefined: as desired. */
export async function ensureVirtualNode(scope: Scope): Promise<StepReport | undefined> {
  const { appMesh, service, config, world } = scope;
  const closed = closedReport(config);
  if (closed) return closed;
  // The ServiceAccount notes that there is something in App Mesh, before there is.
  if (!holds(scope, "ServiceAccountReady")) {
    return {
      state: "progressing",
      reason: "WaitingForServiceAccount",
      message: "waits for the ServiceAccount, which notes that the service is in App Mesh",
      ...WATCHED,
      waitsFor: ["ServiceAccountReady"],
    };
  }
  return convergeInMesh(scope, appMesh.virtualNodes, buildVirtualNode(service, config, world));
}
