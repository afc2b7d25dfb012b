import type { EffectiveService } from "../../crds/effective.ts";
import { appMesh } from "./app-mesh.ts";
import { istioAmbient } from "./istio-ambient.ts";
import { istioSidecar } from "./istio-sidecar.ts";
import type { Mesh } from "./mesh.ts";
import { noMesh } from "./none.ts";

/** The mesh that the service is in: the only place that knows which there are. */
export function meshOf(service: EffectiveService): Mesh {
  switch (service.mesh) {
    case "Istio":
      return service.dataPlane === "Ambient" ? istioAmbient : istioSidecar;
    case "AppMesh":
      return appMesh;
    case "None":
      return noMesh;
    default:
      return service.mesh satisfies never;
  }
}
