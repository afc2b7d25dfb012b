import type { FaultBench } from "./fault-bench.ts";
import { changedPaths } from "./json-diff.ts";
import { describeStep, recordLife, type LifeStep, type RecordedLife } from "./life-steps.ts";
import { lifeKindOf, type LifeKind, type LivesResult } from "./lives.ts";

/** One undisturbed life of each kind, and what the lives with a fault are held against it. */

function cleanNamespace(kind: LifeKind): string {
  return `${kind}-clean`;
}

export class FaultLives {
  readonly #recorded: ReadonlyMap<LifeKind, RecordedLife>;
  #lastNamespace = 0;
  #lives = 0;
  #met = 0;
  readonly #unmet: string[] = [];

  private constructor(recorded: ReadonlyMap<LifeKind, RecordedLife>) {
    this.#recorded = recorded;
  }

  /** Records the undisturbed lives, one after the other. */
  static async record(bench: FaultBench, kinds: readonly LifeKind[] = ["life"]): Promise<FaultLives> {
    const recorded = new Map<LifeKind, RecordedLife>();
    for (const kind of kinds) recorded.set(kind, await recordLife(bench, cleanNamespace(kind)));
    return new FaultLives(recorded);
  }

  /** Of fixed length, so that none is part of another. */
  namespace(kind: LifeKind = "life"): string {
    this.#lastNamespace++;
    return `${kind}-${String(this.#lastNamespace).padStart(4, "0")}`;
  }

  /** Every call of the undisturbed lives. */
  get steps(): readonly LifeStep[] {
    return [...this.#recorded.values()].flatMap(({ steps }) => steps);
  }

  /** A namespace for each of the calls. */
  each(steps: readonly LifeStep[]): ReadonlyMap<string, LifeStep> {
    return new Map(steps.map((step) => [this.namespace(step.kind), step]));
  }

  /** Of the undisturbed life of the kind. */
  clean(kind: LifeKind): {
    readonly born: object;
    readonly changed: object;
    readonly left: object;
    readonly idleWrites: readonly string[];
  } {
    const recorded = this.#recorded.get(kind);
    if (recorded === undefined) throw new Error(`no life of the kind ${kind} was recorded`);
    const { born, changed, left, idleWrites } = recorded.result;
    const namespace = cleanNamespace(kind);
    return { born: born.get(namespace) ?? {}, changed: changed.get(namespace) ?? {}, left: left.get(namespace) ?? {}, idleWrites };
  }

  /** Where a life is, at any of its ages, not as the undisturbed one, by what failed in it; and what was written without need. */
  problems(lives: ReadonlyMap<string, LifeStep | string>, result: LivesResult): Readonly<Record<string, readonly string[]>> {
    const problems = [...lives].map(([namespace, step]) => {
      const clean = this.clean(lifeKindOf(namespace));
      const differences = [
        ...changedPaths(clean.born, result.born.get(namespace)).map((path) => `when born: ${path}`),
        ...changedPaths(clean.changed, result.changed.get(namespace)).map((path) => `when changed: ${path}`),
        ...Object.keys(result.left.get(namespace) ?? {}).map((name) => `left: ${name}`),
      ];
      return [`${namespace} ${typeof step === "string" ? step : describeStep(step)}`, differences] as const;
    });
    const all = [...problems, ["written without need", result.idleWrites] as const];
    return Object.fromEntries(all.filter(([, found]) => found.length > 0));
  }

  /** Counts the lives, and returns the calls that were to fail and never came. Only how often a call is repeated hangs on timing. */
  unmet(steps: readonly LifeStep[], isMet: (step: LifeStep) => boolean): readonly string[] {
    const unmet = steps.filter((step) => !isMet(step));
    this.count(steps.length, steps.length - unmet.length);
    this.#unmet.push(...unmet.map(describeStep));
    return unmet.filter(({ occurrence }) => occurrence === 1).map(describeStep);
  }

  count(lives: number, met: number): void {
    this.#lives += lives;
    this.#met += met;
  }

  /** For the end of a test file's output. */
  summary(): string {
    const calls = `${[...this.#recorded].map(([kind, { steps }]) => `${String(steps.length)} calls in a ${kind}`).join(", ")}; ${String(this.#lives)} lives with a fault each, of which ${String(this.#met)} met it`;
    if (this.#unmet.length === 0) return calls;
    return `${calls}\nnot met, since how often these are called hangs on timing:\n  ${this.#unmet.join("\n  ")}`;
  }
}
