import { Gauge, type GaugeConfiguration, type MetricObjectWithValues, type MetricValue, type Registry } from "prom-client";
import type { ConditionStatus } from "../crds/conditions.ts";
import { keyString, type ObjectKey } from "../crds/meta.ts";

/** The series of each service: some twenty, of which prom-client would keep each with its labels. Here a service is one entry, and its series are made when they are asked for. */

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

  /** Cardinality: one series a service for each condition (at most 16), and two more. */
  constructor(registry: Registry) {
    const registers = [registry];
    const told = <T extends string>(configuration: GaugeConfiguration<T>, series: (entry: Entry) => readonly MetricValue<T>[]): void =>
      void new ToldGauge({ ...configuration, registers }, () => Array.from(this.#entries.values()).flatMap(series));
    told(
      { name: "platform_service_condition", help: "1 True, 0 False, -1 Unknown.", labelNames: ["namespace", "name", "type"] },
      ({ key, types, values }) => values.map((value, place) => ({ labels: { ...key, type: types[place] ?? "" }, value })),
    );
    told(
      {
        name: "platform_service_info",
        help: "Always 1; who owns a service and its tier.",
        labelNames: ["namespace", "name", "owner", "tier"],
      },
      ({ key, owner, tier }) => [{ labels: { ...key, owner, tier }, value: 1 }],
    );
    told(
      {
        name: "platform_service_last_reconcile_timestamp_seconds",
        help: "When the last pass ended.",
        labelNames: ["namespace", "name"],
      },
      ({ key, lastReconcile }) => (lastReconcile === undefined ? [] : [{ labels: { ...key }, value: lastReconcile }]),
    );
  }

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

  #shared(types: readonly string[]): readonly string[] {
    const id = types.join(" ");
    const known = this.#types.get(id) ?? types;
    this.#types.set(id, known);
    return known;
  }
}

const VALUES: Readonly<Record<ConditionStatus, number>> = { True: 1, False: 0, Unknown: -1 };

class ToldGauge<T extends string> extends Gauge<T> {
  readonly #series: () => Iterable<MetricValue<T>>;

  constructor(configuration: GaugeConfiguration<T>, series: () => Iterable<MetricValue<T>>) {
    super(configuration);
    this.#series = series;
  }

  override async get(): Promise<MetricObjectWithValues<MetricValue<T>>> {
    return { ...(await super.get()), values: [...this.#series()] };
  }
}
