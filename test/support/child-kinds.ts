import { KINDS, type ResourceType } from "../../src/kube/kinds.ts";

/** Of what the operator applies for services. */
export const CHILD_KINDS: readonly ResourceType[] = [
  KINDS.ServiceAccount,
  KINDS.Service,
  KINDS.Deployment,
  KINDS.HorizontalPodAutoscaler,
  KINDS.PodDisruptionBudget,
  KINDS.NetworkPolicy,
  KINDS.PeerAuthentication,
  KINDS.AuthorizationPolicy,
  KINDS.VirtualService,
  KINDS.DestinationRule,
  KINDS.ServiceEntry,
  KINDS.Sidecar,
  KINDS.HTTPRoute,
  KINDS.Certificate,
  KINDS.PodMonitor,
  KINDS.PrometheusRule,
  KINDS.ConfigMap,
];
