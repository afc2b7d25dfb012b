import type { EffectiveService } from "../crds/effective.ts";

type Container = NonNullable<EffectiveService["spec"]["container"]>;
type WrittenProbe = NonNullable<NonNullable<Container["probes"]>["readiness"]>;

/** A probe as a pod has it. */
export type Probe = Readonly<Record<string, unknown>>;

export interface Probes {
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly startupProbe?: Probe;
}

/** Every port that is probed, each once, in order: those of the service's file, and `seen` of pods and their templates. */
export function probePorts(service: EffectiveService, seen: readonly number[] = []): readonly number[] {
  const { port } = service.spec;
  const { readiness, liveness, startup } = service.spec.container?.probes ?? {};
  const written = [readiness ?? { port }, liveness, startup].filter((probe) => probe !== undefined);
  const ports = written.map((probe) => probe.port ?? port).filter((one) => one !== undefined);
  return [...new Set([...ports, ...seen])].toSorted((a, b) => a - b);
}

/** The probes as written. Without a readiness probe a pod is ready once its port is open; no liveness is made up, since one that is wrong restarts what is well. */
export function buildProbes(service: EffectiveService): Probes {
  const { port } = service.spec;
  const { readiness, liveness, startup } = service.spec.container?.probes ?? {};
  const readinessProbe = readiness ? httpProbe(readiness, port) : openPort(port);
  const livenessProbe = liveness && httpProbe(liveness, port);
  const startupProbe = startup && httpProbe(startup, port);
  return {
    ...(readinessProbe && { readinessProbe }),
    ...(livenessProbe && { livenessProbe }),
    ...(startupProbe && { startupProbe }),
  };
}

function openPort(port: number | undefined): Probe | undefined {
  return port === undefined ? undefined : { tcpSocket: { port } };
}

/** Undefined without any port, which the schema refuses. */
function httpProbe(written: WrittenProbe, servicePort: number | undefined): Probe | undefined {
  const { path, port = servicePort, periodSeconds, timeoutSeconds, failureThreshold } = written;
  if (port === undefined) return undefined;
  return {
    httpGet: { path, port },
    ...(periodSeconds !== undefined && { periodSeconds }),
    ...(timeoutSeconds !== undefined && { timeoutSeconds }),
    ...(failureThreshold !== undefined && { failureThreshold }),
  };
}
