import { durationMs, type EffectiveService } from "../crds/effective.ts";
import { sha256Hex } from "../crds/hash.ts";
import { sortedUnique } from "./order.ts";
import { buildProbes } from "./probes.ts";
import { canonicalCpu, canonicalMemory } from "./quantity.ts";

/** The application's container: what the squad wrote, inside the platform's hardening. */

/** Name of the application's container in every pod; autoscaling measures it. */
export const APP_CONTAINER = "app";
/** Name of the container port that serves metrics. */
export const METRICS_PORT_NAME = "metrics";

type Written = NonNullable<EffectiveService["spec"]["container"]>;

/** A container, or a volume, as a pod has it. */
export type PodPart = Readonly<Record<string, unknown>>;

/** What a container is given beside what the squad wrote. */
export interface Given {
  /** Of a name that the squad wrote as well, theirs is kept. */
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly volumeMounts: readonly PodPart[];
}

/** The container that runs the image. */
export function buildContainer(service: EffectiveService, image: string, given: Given): PodPart {
  const container = service.spec.container ?? {};
  const { command = [], args = [], writablePaths = [] } = container;
  const written = container.env ?? [];
  const env = [...written.map(environmentVariable), ...given.env.filter(({ name }) => !written.some((own) => own.name === name))];
  const volumeMounts = [...sortedUnique(writablePaths).map((path) => ({ name: volumeName(path), mountPath: path })), ...given.volumeMounts];
  const envFrom = (container.envFrom ?? []).map(environmentSource);
  const ports = portsOf(service);
  const preStop = preStopSeconds(service);
  return {
    name: APP_CONTAINER,
    image,
    ...(command.length > 0 && { command }),
    ...(args.length > 0 && { args }),
    ...(env.length > 0 && { env }),
    ...(envFrom.length > 0 && { envFrom }),
    ...(ports.length > 0 && { ports }),
    resources: resourcesOf(service),
    ...buildProbes(service),
    // The endpoint leaves the load balancing while the container still answers.
    ...(preStop > 0 && { lifecycle: { preStop: { sleep: { seconds: preStop } } } }),
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      ...(container.runAsUser !== undefined && { runAsUser: container.runAsUser }),
    },
    ...(volumeMounts.length > 0 && { volumeMounts }),
  };
}

/** An emptyDir for each writable path; empty when there are none. */
export function buildVolumes(service: EffectiveService): readonly PodPart[] {
  return sortedUnique(service.spec.container?.writablePaths ?? []).map((path) => ({ name: volumeName(path), emptyDir: {} }));
}

/** How long a pod may take to stop, in seconds; by tier. */
export function terminationGraceSeconds(service: EffectiveService): number {
  return wholeSeconds(service.tier.spec.availability.terminationGracePeriod);
}

/** At most the grace period, which the API server insists on. */
function preStopSeconds(service: EffectiveService): number {
  return Math.min(wholeSeconds(service.tier.spec.availability.preStopDelay), terminationGraceSeconds(service));
}

function wholeSeconds(duration: string): number {
  return Math.ceil(durationMs(duration) / 1000);
}

/** Of the path's text: a path may hold what a volume's name may not, and its place in the list may change. */
function volumeName(path: string): string {
  return `writable-${sha256Hex(path).slice(0, 12)}`;
}

function portsOf(service: EffectiveService): readonly PodPart[] {
  const { port, protocol, container } = service.spec;
  return [
    ...(port === undefined ? [] : [{ name: protocol, containerPort: port, protocol: "TCP" }]),
    ...(container?.metrics === undefined ? [] : [{ name: METRICS_PORT_NAME, containerPort: container.metrics.port, protocol: "TCP" }]),
  ];
}

type EnvironmentVariable = NonNullable<Written["env"]>[number];

/** An empty value is left out: that is how the API server stores it. */
function environmentVariable({ name, value, valueFrom }: EnvironmentVariable): PodPart {
  if (valueFrom?.secret !== undefined) return { name, valueFrom: { secretKeyRef: { name: valueFrom.secret, key: valueFrom.key } } };
  if (valueFrom?.configMap !== undefined)
    return { name, valueFrom: { configMapKeyRef: { name: valueFrom.configMap, key: valueFrom.key } } };
  return value === undefined || value === "" ? { name } : { name, value };
}

type EnvironmentSource = NonNullable<Written["envFrom"]>[number];

function environmentSource({ configMap, secret }: EnvironmentSource): PodPart {
  return configMap === undefined ? { secretRef: { name: secret ?? "" } } : { configMapRef: { name: configMap } };
}

function resourcesOf({ requests, spec }: EffectiveService): PodPart {
  const { cpu, memory } = spec.container?.resources?.limits ?? {};
  const limits = {
    ...(cpu !== undefined && { cpu: canonicalCpu(cpu) }),
    ...(memory !== undefined && { memory: canonicalMemory(memory) }),
  };
  return {
    requests: { cpu: canonicalCpu(requests.cpu), memory: canonicalMemory(requests.memory) },
    ...(Object.keys(limits).length > 0 && { limits }),
  };
}
