import type { KubeObject } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import { sha256Hex } from "../../crds/hash.ts";
import type { ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { childObject } from "../child-object.ts";
import { selectorLabels } from "../labels.ts";
import { serviceHost } from "../mesh/host.ts";
import { MESH_POD_LABELS } from "./names.ts";

/**
 * The headless Service by which Envoys of callers find the service's pods; undefined without a port. By the other one, which has a single
 * address, a proxy would take all pods for one: it would eject them together, and hold all requests of an HTTP/2 connection to one of them.
 * On the way into App Mesh they find those that are in it; on the way out all, since an Envoy may be led here until App Mesh tells it otherwise.
 */
export function buildDiscoveryService(service: EffectiveService): KubeObject | undefined {
  const { port, protocol } = service.spec;
  if (port === undefined) return undefined;
  return childObject(service, {
    apiVersion: "v1",
    kind: "Service",
    name: discoveryName(service.key),
    body: {
      spec: {
        type: "ClusterIP",
        clusterIP: "None",
        selector: { ...selectorLabels(service), ...(service.mesh === "AppMesh" && MESH_POD_LABELS) },
        ports: [{ name: protocol, port, targetPort: port, protocol: "TCP" }],
      },
    },
  });
}

/** What the name of such a Service resolves to: the addresses of ready pods. */
export function discoveryHost(key: ObjectKey, config: OperatorConfig): string {
  return serviceHost({ ...key, name: discoveryName(key) }, config);
}

const SUFFIX = "-mesh";
/** Of a Service's name. */
const MAX_NAME = 63;
/** 32 bits, in hex: of the names of one namespace. */
const HASH_LENGTH = 8;

function discoveryName({ name }: ObjectKey): string {
  if (name.length + SUFFIX.length <= MAX_NAME) return `${name}${SUFFIX}`;
  const cut = name.slice(0, MAX_NAME - SUFFIX.length - HASH_LENGTH - 1);
  return `${cut}-${sha256Hex(name).slice(0, HASH_LENGTH)}${SUFFIX}`;
}
