import type { OperatorConfig } from "../../src/crds/operator-config.ts";
import { testConfig } from "./effective-services.ts";

export const ENVOY_IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mirror/aws-appmesh-envoy:v1.34.13.3-prod";
export const PROXY_INIT_IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/mirror/aws-appmesh-proxy-route-manager:v7-prod";

/** App Mesh in every namespace, or as `mesh` has it; with certificates, or as `appMesh` has it. */
export function appMeshConfig({
  appMesh = {},
  ...mesh
}: { readonly appMesh?: object; readonly [field: string]: unknown } = {}): OperatorConfig {
  return testConfig({
    mesh: {
      default: "AppMesh",
      appMesh: {
        meshName: "platform",
        envoyImage: ENVOY_IMAGE,
        proxyInitImage: PROXY_INIT_IMAGE,
        certificates: { issuer: { name: "mesh-ca" } },
        ...appMesh,
      },
      ...mesh,
    },
  });
}
