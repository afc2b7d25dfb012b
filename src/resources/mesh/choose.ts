import type { EffectiveService } from "../../crds/effective.ts";
import { istio } from "./istio.ts";
import type { Mesh } from "./mesh.ts";
import { noMesh } from "./none.ts";

/** The mesh that the service is in: the only place that knows which there are. */
export function meshOf(service: EffectiveService): Mesh {
  switch (service.mesh) {
    case "Istio":
      return istio;
    case "None":
      return noMesh;
    default:
      return service.mesh satisfies never;
  }
}
