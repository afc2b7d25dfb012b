import type { ObjectKey } from "../../src/crds/meta.ts";
import type { Kubectl } from "../../controlplane/kubectl.ts";

/** The platform's waypoint, and what istiod, which does not run here, says of it. */

export async function makeWaypoint(kubectl: Kubectl, { namespace, name }: ObjectKey): Promise<void> {
  const gateway = {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { namespace, name, labels: { "istio.io/waypoint-for": "service" } },
    spec: { gatewayClassName: "istio-waypoint", listeners: [{ name: "mesh", port: 15008, protocol: "HBONE" }] },
  };
  await kubectl(["apply", "-f", "-"], { input: JSON.stringify(gateway) });
}

export async function reportProgrammed(kubectl: Kubectl, { namespace, name }: ObjectKey, status: "True" | "False"): Promise<void> {
  const condition = { type: "Programmed", status, reason: "Programmed", message: "", lastTransitionTime: "2026-01-01T00:00:00Z" };
  const patch = JSON.stringify({ status: { conditions: [condition] } });
  await kubectl([
    "patch",
    `gateways.gateway.networking.k8s.io/${name}`,
    "-n",
    namespace,
    "--subresource=status",
    "--type=merge",
    "-p",
    patch,
  ]);
}
