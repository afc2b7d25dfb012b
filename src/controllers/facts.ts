import { isJsonObject, type JsonObject, type LiveObject } from "../kube/objects.ts";
import { labelSelector, type LabelSelector } from "../crds/platform-tier.ts";
import { ANNOTATIONS, LABELS, type ObjectKey } from "../crds/meta.ts";
import type { NodePoolState, ServiceState } from "../crds/desired.ts";
import type { IdentityMode, MeshProvider } from "../crds/effective.ts";
import type {
  CertificateState,
  DeploymentState,
  GatewayState,
  PodState,
  Progress,
  TemplateState,
  WorkloadState,
} from "../reconcilers/ports.ts";

/** What is kept of objects that others write too: pure functions from the live object to the few facts that a pass asks for. */

const APP_CONTAINER = "app";

export function deploymentFacts(object: LiveObject): DeploymentState {
  const spec = record(object.spec);
  const status = record(object.status);
  const containers = records(record(record(spec.template).spec).containers);
  const progressing = records(status.conditions).find((c) => c.type === "Progressing");
  const replicas = typeof spec.replicas === "number" ? spec.replicas : 1;
  const updatedReplicas = number(status.updatedReplicas);
  const statusReplicas = number(status.replicas);
  const isObserved = number(status.observedGeneration) >= (object.metadata.generation ?? 0);
  // Complete and stuck as `kubectl rollout status` decides.
  const complete =
    isObserved && updatedReplicas >= replicas && statusReplicas <= updatedReplicas && number(status.availableReplicas) >= updatedReplicas;
  const stuck = isObserved && progressing?.status === "False" && progressing.reason === "ProgressDeadlineExceeded";
  return {
    ...templateFacts(spec),
    hasTemplate: true,
    replicas,
    image: text(containers.find((c) => c.name === APP_CONTAINER)?.image),
    progress: { state: complete ? "complete" : stuck ? "stuck" : spec.paused === true ? "paused" : "underWay", message: "" },
    readyReplicas: number(status.readyReplicas),
    // Stays so when pods are lost or added later: the Deployment controller says it once a rollout is complete (deployment/progress.go). It leaves it
    // said when a template goes back to one whose ReplicaSet is still there; then the pods of the other one tell. Without a deadline it says nothing.
    rolledOut:
      progressing === undefined
        ? complete
        : isObserved && progressing.reason === "NewReplicaSetAvailable" && statusReplicas <= updatedReplicas,
  };
}

/** Argo Rollouts' own word, `status.phase`; its observedGeneration is text. */
export function rolloutFacts(object: LiveObject): WorkloadState {
  const spec = record(object.spec);
  const status = record(object.status);
  const observed = text(status.observedGeneration) === String(object.metadata.generation ?? 0);
  const phase = observed ? text(status.phase) : undefined;
  return {
    ...templateFacts(spec),
    hasTemplate: isJsonObject(spec.template),
    progress: { state: PHASES[phase ?? ""] ?? "underWay", message: text(status.message) ?? "" },
    readyReplicas: number(status.readyReplicas),
    rolledOut: phase === "Healthy",
  };
}

const PHASES: Readonly<Record<string, Progress["state"]>> = { Healthy: "complete", Degraded: "stuck", Paused: "paused" };

function templateFacts(spec: JsonObject): Omit<TemplateState, "rolledOut"> {
  const template = record(spec.template);
  const metadata = record(template.metadata);
  const pod = record(template.spec);
  return {
    labels: strings(metadata.labels),
    images: [...records(pod.initContainers), ...records(pod.containers)].map(({ image }) => text(image) ?? ""),
    identity: text(record(metadata.annotations)[ANNOTATIONS.identity]),
    mesh: meshOfTemplate(template),
    probedPorts: probedPorts(pod),
  };
}

const PROBES = ["readinessProbe", "livenessProbe", "startupProbe"] as const;

/** Where the kubelet asks, by HTTP, TCP or gRPC, whether the containers are well, or tells them that they start or end; each once, in order. Native sidecars are among the init containers. */
function probedPorts(pod: JsonObject): readonly number[] {
  const ports = [...records(pod.initContainers), ...records(pod.containers)].flatMap((container) => {
    const { postStart, preStop } = record(container.lifecycle);
    const handlers = [...PROBES.map((probe) => container[probe]), postStart, preStop].map(record);
    const asked = handlers.flatMap(({ httpGet, tcpSocket, grpc }) => [httpGet, tcpSocket, grpc].map((one) => record(one).port));
    return asked.map((port) => portNumber(port, container));
  });
  return [...new Set(ports.filter((port) => port !== undefined))].toSorted((a, b) => a - b);
}

/** A name is one of the container's own ports. Where it is none, no probe gets anywhere. */
function portNumber(port: unknown, container: JsonObject): number | undefined {
  const named = typeof port === "string" ? records(container.ports).find(({ name }) => name === port)?.containerPort : port;
  return typeof named === "number" ? named : undefined;
}

/** As the builders write it: Envoy's container, or a label for Istio's injector or node agent. */
function meshOfTemplate(template: JsonObject): MeshProvider {
  if (records(record(template.spec).initContainers).some(({ name }) => name === "envoy")) return "AppMesh";
  const labels = strings(record(template.metadata).labels);
  const isInIstio = labels["sidecar.istio.io/inject"] === "true" || labels["istio.io/dataplane-mode"] === "ambient";
  return isInIstio ? "Istio" : "None";
}

export function autoscalerFacts(object: LiveObject): { readonly desiredReplicas: number } {
  return { desiredReplicas: number(record(object.status).desiredReplicas) };
}

export function certificateFacts(object: LiveObject): CertificateState {
  const { conditions, revision } = record(object.status);
  const ready = records(conditions).find(({ type }) => type === "Ready");
  const issuing = records(conditions).find(({ type }) => type === "Issuing");
  const generation = object.metadata.generation ?? 0;
  const said = issuing?.status === "False" ? issuing : ready;
  return {
    // Before cert-manager has looked at a changed spec, its word is about the one before.
    ready: ready?.status === "True" && number(ready.observedGeneration) >= generation,
    issuing: issuing?.status === "True",
    revision: number(revision),
    trouble: ready === undefined || ready.status === "True" ? undefined : `${text(said?.reason) ?? ""}: ${text(said?.message) ?? ""}`,
  };
}

/** What is kept of a Service; whether it has a waypoint its namespace's labels may decide. */
export interface ServiceFacts extends Omit<ServiceState, "waypoint"> {
  readonly useWaypoint: WaypointChoice;
}

export function serviceFacts(object: LiveObject): ServiceFacts {
  const spec = record(object.spec);
  return {
    useWaypoint: waypointChoice(object.metadata.labels ?? {}, object.metadata.namespace ?? ""),
    selector: strings(spec.selector),
    ports: records(spec.ports).map((p) => {
      const port = number(p.port);
      return { port, targetPort: typeof p.targetPort === "number" || typeof p.targetPort === "string" ? p.targetPort : port };
    }),
  };
}

/** What labels say of the waypoint: which one, expressly none, or nothing (undefined). */
export type WaypointChoice = ObjectKey | "none" | undefined;

/** As Istio reads istio.io/use-waypoint, of a Service or of its namespace. */
export function waypointChoice(labels: Readonly<Record<string, string>>, namespace: string): WaypointChoice {
  const name = labels["istio.io/use-waypoint"];
  if (name === undefined || name === "") return undefined;
  return name === "none" ? "none" : { namespace: labels["istio.io/use-waypoint-namespace"] ?? namespace, name };
}

export function gatewayFacts(object: LiveObject): GatewayState {
  const conditions = records(record(object.status).conditions);
  return { programmed: conditions.some((c) => c.type === "Programmed" && c.status === "True") };
}

/** What a NetworkPolicy selects. */
export interface PolicyFacts {
  readonly podSelector: LabelSelector;
  /** Has at least one rule: a policy without any opens nothing. */
  readonly opens: boolean;
}

export function policyFacts(object: LiveObject): PolicyFacts {
  const spec = record(object.spec);
  return {
    podSelector: labelSelector.catch({}).parse(spec.podSelector),
    opens: records(spec.ingress).length + records(spec.egress).length > 0,
  };
}

/** What a PodDisruptionBudget selects; undefined: no pod. */
export interface BudgetFacts {
  readonly podSelector: LabelSelector | undefined;
}

export function budgetFacts(object: LiveObject): BudgetFacts {
  return { podSelector: labelSelector.optional().catch(undefined).parse(record(object.spec).selector) };
}

export function podFacts(object: LiveObject): PodState {
  const spec = record(object.spec);
  const status = record(object.status);
  const containers = [...records(spec.initContainers), ...records(spec.containers)];
  const ready = records(status.conditions).find((c) => c.type === "Ready")?.status === "True";
  return {
    name: object.metadata.name,
    ready,
    deleting: object.metadata.deletionTimestamp !== undefined,
    images: Object.fromEntries(containers.map((c) => [text(c.name) ?? "", text(c.image) ?? ""])),
    digests: digestsOf(containers, status),
    containers: containers.map((c) => text(c.name) ?? ""),
    identity: object.metadata.annotations?.[ANNOTATIONS.identity],
    token: tokenOf(records(spec.containers)),
    redirected: object.metadata.annotations?.["ambient.istio.io/redirection"] === "enabled",
    probedPorts: probedPorts(spec),
    brought: object.metadata.labels?.[LABELS.name] !== object.metadata.labels?.[LABELS.service],
    trouble: ready ? undefined : troubleOf(status),
  };
}

/** From the node's word for what it runs, as `repository@sha256:…`; what it has without having pulled it has no digest. */
function digestsOf(containers: readonly JsonObject[], status: JsonObject): PodState["digests"] {
  const byTag = new Set(containers.filter(({ image }) => text(image)?.includes("@") !== true).map(({ name }) => name));
  const statuses = [...records(status.initContainerStatuses), ...records(status.containerStatuses)];
  return Object.fromEntries(
    statuses.flatMap(({ name, imageID }) => {
      const [, digest] = (text(imageID) ?? "").split("@");
      return digest === undefined || !byTag.has(name) ? [] : [[text(name) ?? "", digest]];
    }),
  );
}

/** Of the application's container; where a squad names its own, of any. SDKs take IRSA's where both are there. */
function tokenOf(containers: readonly JsonObject[]): IdentityMode | undefined {
  const app = containers.filter((c) => c.name === APP_CONTAINER);
  const names = (app.length > 0 ? app : containers).flatMap((container) => records(container.env).map(({ name }) => name));
  if (names.includes("AWS_WEB_IDENTITY_TOKEN_FILE")) return "IRSA";
  return names.includes("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") ? "PodIdentity" : undefined;
}

/** The scheduler's word, else the first container's: what it waits for, or what it last died of. */
function troubleOf(status: JsonObject): PodState["trouble"] {
  const scheduled = records(status.conditions).find((c) => c.type === "PodScheduled");
  if (scheduled?.status === "False") return { reason: text(scheduled.reason) ?? "Unschedulable", message: text(scheduled.message) ?? "" };
  for (const container of [...records(status.initContainerStatuses), ...records(status.containerStatuses)]) {
    const last = record(record(container.lastState).terminated);
    if (last.reason === "OOMKilled")
      return { reason: "OOMKilled", message: `container ${text(container.name) ?? ""} used more memory than its limit: raise it` };
    const waiting = record(record(container.state).waiting);
    const reason = text(waiting.reason);
    if (reason !== undefined && reason !== "ContainerCreating" && reason !== "PodInitializing")
      return { reason, message: text(waiting.message) ?? "" };
  }
  return undefined;
}

/** Requirements `In` with their values; other operators allow anything that they do not name, and are not looked into. */
export function nodePoolFacts(object: LiveObject): NodePoolState {
  const template = record(record(record(object.spec).template).spec);
  const requirements: Record<string, readonly string[]> = {};
  for (const r of records(template.requirements)) {
    const key = text(r.key);
    if (key !== undefined && r.operator === "In" && Array.isArray(r.values))
      requirements[key] = r.values.filter((v): v is string => typeof v === "string");
  }
  return {
    name: object.metadata.name,
    requirements,
    taints: records(template.taints).map((t) => ({ key: text(t.key) ?? "", value: text(t.value), effect: text(t.effect) ?? "" })),
  };
}

export interface DefinitionFacts {
  readonly group: string;
  readonly kind: string;
  readonly established: boolean;
  /** Of HTTPRoute: a rule may say that nothing is tried again. */
  readonly canForbidRetries: boolean;
}

/** Which kind a CustomResourceDefinition brings, and whether it is served. */
export function definitionFacts(object: LiveObject): DefinitionFacts {
  const spec = record(object.spec);
  const established = records(record(object.status).conditions).some((c) => c.type === "Established" && c.status === "True");
  return {
    group: text(spec.group) ?? "",
    kind: text(record(spec.names).kind) ?? "",
    established,
    canForbidRetries: canForbidRetries(spec),
  };
}

/** `retry.attempts: 0` of an HTTPRoute's rules, in v1: the standard channel has it from Gateway API 1.7 on, the experimental one of 1.6 does not allow 0. */
function canForbidRetries(spec: JsonObject): boolean {
  const version = records(spec.versions).find(({ name }) => name === "v1");
  const rules = property(property(record(record(version?.schema).openAPIV3Schema), "spec"), "rules");
  const attempts = property(property(record(rules.items), "retry"), "attempts");
  return attempts.type === "integer" && !(number(attempts.minimum) > 0);
}

function property(schema: JsonObject, name: string): JsonObject {
  return record(record(schema.properties)[name]);
}

function record(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}

function records(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function strings(value: unknown): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record(value)).filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}
