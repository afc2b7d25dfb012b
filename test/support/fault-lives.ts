import type { FaultBench } from "./fault-bench.ts";
import { changedPaths } from "./json-diff.ts";
import { describeStep, recordLife, type LifeStep, type RecordedLife } from "./life-steps.ts";
import type { LivesResult } from "./lives.ts";

/** One undisturbed life, and what the lives with a fault are held against it. */

const CLEAN = "life-clean";

export class FaultLives {
  readonly recorded: RecordedLife;
  #lastNamespace = 0;
  #lives = 0;
  #met = 0;
  readonly #unmet: string[] = [];

  private constructor(recorded: RecordedLife) {
    this.recorded = recorded;
  }

  /** Records the undisturbed life. */
  static async record(bench: FaultBench): Promise<FaultLives> {
    return new FaultLives(await recordLife(bench, CLEAN));
  }

  /** Of fixed length, so that none is part of another. */
  namespace(): string {
    this.#lastNamespace++;
    return `life-${String(this.#lastNamespace).padStart(4, "0")}`;
  }

  /** A namespace for each call of the undisturbed life. */
  each(to: LifeStep["to"]): ReadonlyMap<string, LifeStep> {
    return new Map(this.recorded.steps.filter((step) => step.to === to).map((step) => [this.namespace(), step]));
  }

  /** Of the undisturbed life. */
  get clean(): { readonly born: object; readonly changed: object; readonly left: object; readonly idleWrites: readonly string[] } {
    const { born, changed, left, idleWrites } = this.recorded.result;
    return { born: born.get(CLEAN) ?? {}, changed: changed.get(CLEAN) ?? {}, left: left.get(CLEAN) ?? {}, idleWrites };
  }

  /** Where a life is, at any of its ages, not as the undisturbed one, by what failed in it; and what was written without need. */
  problems(lives: ReadonlyMap<string, LifeStep | string>, result: LivesResult): Readonly<Record<string, readonly string[]>> {
    const { born, changed } = this.recorded.result;
    const problems = [...lives].map(([namespace, step]) => {
      const differences = [
        ...changedPaths(born.get(CLEAN), result.born.get(namespace)).map((path) => `when born: ${path}`),
        ...changedPaths(changed.get(CLEAN), result.changed.get(namespace)).map((path) => `when changed: ${path}`),
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
    const calls = `${String(this.recorded.steps.length)} calls in a life; ${String(this.#lives)} lives with a fault each, of which ${String(this.#met)} met it`;
    if (this.#unmet.length === 0) return calls;
    return `${calls}\nnot met, since how often these are called hangs on timing:\n  ${this.#unmet.join("\n  ")}`;
  }
}
