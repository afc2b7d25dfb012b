import { GROUP, VERSION } from "../crds/meta.ts";

/** Where a kind lives in the API. */
export interface ResourceType {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

function namespaced(group: string, version: string, kind: string, plural: string): ResourceType {
  return { group, version, kind, plural, namespaced: true };
}

function clusterScoped(group: string, version: string, kind: string, plural: string): ResourceType {
  return { group, version, kind, plural, namespaced: false };
}

/** Every kind that the operator reads or writes. */
export const KINDS = {
  ServiceAccount: namespaced("", "v1", "ServiceAccount", "serviceaccounts"),
  ConfigMap: namespaced("", "v1", "ConfigMap", "configmaps"),
  Service: namespaced("", "v1", "Service", "services"),
  Pod: namespaced("", "v1", "Pod", "pods"),
  Namespace: clusterScoped("", "v1", "Namespace", "namespaces"),
  Deployment: namespaced("apps", "v1", "Deployment", "deployments"),
  Rollout: namespaced("argoproj.io", "v1alpha1", "Rollout", "rollouts"),
  HorizontalPodAutoscaler: namespaced("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
  PodDisruptionBudget: namespaced("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets"),
  NetworkPolicy: namespaced("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies"),
  PeerAuthentication: namespaced("security.istio.io", "v1", "PeerAuthentication", "peerauthentications"),
  AuthorizationPolicy: namespaced("security.istio.io", "v1", "AuthorizationPolicy", "authorizationpolicies"),
  VirtualService: namespaced("networking.istio.io", "v1", "VirtualService", "virtualservices"),
  DestinationRule: namespaced("networking.istio.io", "v1", "DestinationRule", "destinationrules"),
  ServiceEntry: namespaced("networking.istio.io", "v1", "ServiceEntry", "serviceentries"),
  Sidecar: namespaced("networking.istio.io", "v1", "Sidecar", "sidecars"),
  Gateway: namespaced("gateway.networking.k8s.io", "v1", "Gateway", "gateways"),
  HTTPRoute: namespaced("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes"),
  Certificate: namespaced("cert-manager.io", "v1", "Certificate", "certificates"),
  PodMonitor: namespaced("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors"),
  PrometheusRule: namespaced("monitoring.coreos.com", "v1", "PrometheusRule", "prometheusrules"),
  NodePool: clusterScoped("karpenter.sh", "v1", "NodePool", "nodepools"),
  PlatformService: namespaced(GROUP, VERSION, "PlatformService", "platformservices"),
  PlatformTier: clusterScoped(GROUP, VERSION, "PlatformTier", "platformtiers"),
  CustomResourceDefinition: clusterScoped("apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions"),
  Event: namespaced("events.k8s.io", "v1", "Event", "events"),
  Lease: namespaced("coordination.k8s.io", "v1", "Lease", "leases"),
} as const;

/** `group/version`, or `v1` for the core group. */
export function apiVersionOf(resource: ResourceType): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** The kind's place in the API; undefined for a kind, or a version of it, that the operator does not handle. */
export function findKind(apiVersion: string, kind: string): ResourceType | undefined {
  return BY_API.get(`${apiVersion} ${kind}`);
}

const BY_API: ReadonlyMap<string, ResourceType> = new Map(
  Object.values<ResourceType>(KINDS).map((resource) => [`${apiVersionOf(resource)} ${resource.kind}`, resource]),
);

/** `deployments.apps`; a core kind is `services`. */
export function resourceName(resource: ResourceType): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

export interface PathOptions {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** The URL path of a collection, an object or a subresource; without a namespace, of all namespaces. */
export function resourcePath(resource: ResourceType, options: PathOptions): string {
  const root = resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const namespace = resource.namespaced && options.namespace ? `/namespaces/${encodeURIComponent(options.namespace)}` : "";
  const name = options.name === undefined ? "" : `/${encodeURIComponent(options.name)}`;
  const subresource = options.subresource === undefined ? "" : `/${options.subresource}`;
  return `${root}${namespace}/${resource.plural}${name}${subresource}`;
}
