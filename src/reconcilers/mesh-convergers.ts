import type { MeshRouteDesired, VirtualNodeDesired, VirtualRouterDesired, VirtualServiceDesired } from "../crds/mesh-objects.ts";
import type { ObjectKey } from "../crds/meta.ts";
import { Converger, type Converging } from "./converge.ts";
import type { MeshObjectObserved, MeshObjectsInBulk, MeshResources } from "./ports.ts";

/** What a step asks of App Mesh. */
export interface MeshConverging {
  readonly virtualNodes: Converging<VirtualNodeDesired, MeshObjectObserved>;
  readonly virtualRouters: Converging<VirtualRouterDesired, MeshObjectObserved>;
  readonly routes: Converging<MeshRouteDesired, MeshObjectObserved>;
  readonly virtualServices: Converging<VirtualServiceDesired, MeshObjectObserved>;
}

/** The convergers of the four kinds. */
export class MeshConvergers implements MeshConverging {
  readonly virtualNodes: Converger<VirtualNodeDesired, MeshObjectObserved>;
  readonly virtualRouters: Converger<VirtualRouterDesired, MeshObjectObserved>;
  readonly routes: Converger<MeshRouteDesired, MeshObjectObserved>;
  readonly virtualServices: Converger<VirtualServiceDesired, MeshObjectObserved>;

  constructor(resources: MeshResources) {
    this.virtualNodes = new Converger(resources.virtualNodes);
    this.virtualRouters = new Converger(resources.virtualRouters);
    this.routes = new Converger(resources.routes);
    this.virtualServices = new Converger(resources.virtualServices);
  }

  /** As Converger's. */
  forgetOwnedBy(owner: ObjectKey): void {
    for (const each of this.all) each.forgetOwnedBy(owner);
  }

  /** As Converger's, of all kinds. */
  sweep({ virtualNodes, virtualRouters, routes, virtualServices }: MeshObjectsInBulk): readonly ObjectKey[] {
    return [
      ...this.virtualNodes.sweep(virtualNodes),
      ...this.virtualRouters.sweep(virtualRouters),
      ...this.routes.sweep(routes),
      ...this.virtualServices.sweep(virtualServices),
    ];
  }

  /** How many objects are remembered. */
  get size(): number {
    return this.all.reduce((sum, { size }) => sum + size, 0);
  }

  get all() {
    return [this.virtualNodes, this.virtualRouters, this.routes, this.virtualServices] as const;
  }
}
