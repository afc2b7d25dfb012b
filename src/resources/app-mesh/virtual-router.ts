import { serviceTags } from "../../crds/aws-names.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { VirtualRouterDesired, VirtualServiceDesired } from "../../crds/mesh-objects.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { serviceHost } from "../mesh/host.ts";
import { virtualNodeName } from "./names.ts";

/** What callers' Envoys are told: a service's host, and the router that has its routes. */

/** Undefined without a port. */
export function buildVirtualRouter(service: EffectiveService, config: OperatorConfig): VirtualRouterDesired | undefined {
  const { port, protocol } = service.spec;
  if (port === undefined) return undefined;
  return {
    name: virtualNodeName(service.key, config),
    owner: service.key,
    spec: { listeners: [{ portMapping: { port, protocol } }] },
    tags: serviceTags(service, config),
  };
}

/** Its name is the host that callers use. Undefined without a port. */
export function buildVirtualService(service: EffectiveService, config: OperatorConfig): VirtualServiceDesired | undefined {
  if (service.spec.port === undefined) return undefined;
  return {
    name: serviceHost(service.key, config),
    owner: service.key,
    spec: { provider: { virtualRouter: { virtualRouterName: virtualNodeName(service.key, config) } } },
    tags: serviceTags(service, config),
  };
}
