import type { Identified } from "../../crds/desired.ts";
import { appMeshOf } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { Converging } from "../converge.ts";
import { AwsError, MESH_NOT_FOUND } from "../ports.ts";
import type { StepReport } from "../step.ts";
import { EXTERNAL_RECHECK_MS, foreignReport, notAsWritten, noteExternal, WITHHELD } from "./external.ts";
import type { Scope } from "./scope.ts";

/** What the steps that write to App Mesh share. */

/** Makes one object of the mesh as desired. Undefined: it is; otherwise what stands in the way. */
export async function convergeInMesh<D extends Identified, O>(
  scope: Scope,
  converging: Converging<D, O>,
  desired: D,
): Promise<StepReport | undefined> {
  const { resource } = converging;
  try {
    const result = await converging.converge(desired);
    noteExternal(scope, resource, desired.name, result);
    switch (result.state) {
      case "asDesired":
        return undefined;
      case "foreign":
        return foreignReport(scope, `App Mesh ${resource.kind}`, { name: desired.name, owner: result.owner });
      case "withheld":
        return WITHHELD;
      case "stuck":
        return notAsWritten(`App Mesh ${resource.kind}`, desired.name, result.differences);
      default:
        return result satisfies never;
    }
  } catch (error) {
    if (error instanceof AwsError && error.code === MESH_NOT_FOUND) return meshNotFound(scope.config);
    throw error;
  }
}

function meshNotFound(config: OperatorConfig): StepReport {
  const { accountId, region } = config.cluster;
  return {
    state: "blocked",
    reason: "MeshNotFound",
    message: `mesh ${appMeshOf(config).meshName} does not exist in account ${accountId} and region ${region}: the platform team makes it, or names another in mesh.appMesh.meshName of the operator's configuration`,
    recheckMs: EXTERNAL_RECHECK_MS,
  };
}

/** Undefined: App Mesh may be called. */
export function closedReport({ mesh: { appMesh } }: OperatorConfig): Extract<StepReport, { state: "blocked" }> | undefined {
  if (appMesh === null) {
    return {
      state: "blocked",
      reason: "AppMeshNotConfigured",
      message:
        "the service has, or may have, objects in App Mesh, and mesh.appMesh of the operator's configuration is not written: the platform team writes it again, with retired: true where App Mesh is gone for good",
    };
  }
  if (!appMesh.retired) return undefined;
  return {
    state: "blocked",
    reason: "MeshRetired",
    message:
      "mesh.appMesh.retired of the operator's configuration says that App Mesh is gone for good: the platform team puts this namespace into another mesh (mesh.overrides)",
  };
}
