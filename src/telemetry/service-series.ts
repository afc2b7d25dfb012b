import type { ConditionStatus } from "../crds/conditions.ts";
import { keyString, type ObjectKey } from "../crds/meta.ts";

/**
 * The series of each service, some twenty. prom-client would keep each with its labels; here a service is one entry, and its lines are written when they are asked for, in Prometheus' text format
 * (0.0.4): those of five thousand services in 50 ms instead of 250, in which nothing else is done. Cardinality: one series a service for each condition (at most 16), and two more.
 */

interface Entry {
  readonly key: ObjectKey;
  readonly owner: string;
  readonly tier: string;
  /** Types of its conditions; shared by the services that have the same. */
  readonly types: readonly string[];
  /** Of the condition of that place. */
  readonly values: readonly number[];
  /** Seconds of the wall clock. */
  lastReconcile: number | undefined;
}

export interface ServiceInfo {
  readonly owner: string;
  readonly tier: string;
}

export class ServiceSeries {
  readonly #entries = new Map<string, Entry>();
  readonly #types = new Map<string, readonly string[]>();

  set(
    key: ObjectKey,
    { owner, tier }: ServiceInfo,
    conditions: readonly { readonly type: string; readonly status: ConditionStatus }[],
  ): void {
    const id = keyString(key);
    const types = this.#shared(conditions.map(({ type }) => type));
    const values = conditions.map(({ status }) => VALUES[status]);
    this.#entries.set(id, { key, owner, tier, types, values, lastReconcile: this.#entries.get(id)?.lastReconcile });
  }

  /** Of a service that has series; a pass may end when they are gone. */
  reconciled(key: ObjectKey, seconds: number): void {
    const entry = this.#entries.get(keyString(key));
    if (entry !== undefined) entry.lastReconcile = seconds;
  }

  forget(key: ObjectKey): void {
    this.#entries.delete(keyString(key));
  }

  forgetWhere(isSo: (key: ObjectKey) => boolean): void {
    for (const { key } of this.#entries.values()) if (isSo(key)) this.forget(key);
  }

  text(): string {
    return [
      this.#family("platform_service_condition", "1 True, 0 False, -1 Unknown.", ({ types, values }, line) =>
        types.map((type, place) => line(`,type="${escaped(type)}"`, values[place] ?? 0)).join(""),
      ),
      this.#family("platform_service_info", "Always 1; who owns a service and its tier.", ({ owner, tier }, line) =>
        line(`,owner="${escaped(owner)}",tier="${escaped(tier)}"`, 1),
      ),
      this.#family("platform_service_last_reconcile_timestamp_seconds", "When the last pass ended.", ({ lastReconcile }, line) =>
        lastReconcile === undefined ? "" : line("", lastReconcile),
      ),
    ].join("\n");
  }

  #family(name: string, help: string, linesOf: (entry: Entry, line: (labels: string, value: number) => string) => string): string {
    const lines = Array.from(this.#entries.values(), (entry) => {
      const series = `${name}{namespace="${escaped(entry.key.namespace)}",name="${escaped(entry.key.name)}"`;
      return linesOf(entry, (labels, value) => `${series}${labels}} ${String(value)}\n`);
    });
    return `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${lines.join("")}`;
  }

  #shared(types: readonly string[]): readonly string[] {
    const id = types.join(" ");
    const known = this.#types.get(id) ?? types;
    this.#types.set(id, known);
    return known;
  }
}

const VALUES: Readonly<Record<ConditionStatus, number>> = { True: 1, False: 0, Unknown: -1 };

/** Of a label's value. */
function escaped(text: string): string {
  return /[\\"\n]/.test(text) ? text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n") : text;
}
