import type { FaultBench } from "./fault-bench.ts";
import { changedPaths } from "./json-diff.ts";
import { describeStep, recordLife, type LifeStep, type RecordedLife } from "./life-steps.ts";
import type { LifeKind } from "./life-specs.ts";
import { lifeKindOf, type LivesResult } from "./lives.ts";
import { tally } from "./tally.ts";
import { dealt, picked, type NamedFault } from "./thoroughness.ts";

/** One undisturbed life of each kind, and what the lives with a fault are held against it. */

/** One call of a life, and what becomes of it. */
export interface Trial<Fault> {
  /** Of the life. */
  readonly namespace: string;
  readonly step: LifeStep;
  readonly name: string;
  readonly fault: Fault;
}

/** Where a life is not as the undisturbed one, by what befell it. */
export type Problems = Readonly<Record<string, readonly string[]>>;

const NOT_NEEDED = "written without need";

function cleanNamespace(kind: LifeKind): string {
  return `${kind}-clean`;
}

export class FaultLives {
  readonly #recorded: ReadonlyMap<LifeKind, RecordedLife>;
  #lastNamespace = 0;
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

  /** So many calls at random, of each kind of life in turn, each with a namespace of its own. */
  moments(count: number, random: () => number): ReadonlyMap<string, LifeStep> {
    const kinds = [...this.#recorded.values()];
    const steps = Array.from({ length: count }, (_, index) => {
      const ofKind = kinds[index % kinds.length]?.steps ?? [];
      return stepAt(ofKind, Math.floor(random() * ofKind.length));
    });
    return new Map(steps.map((step) => [this.namespace(step.kind), step]));
  }

  /** The calls, or those that are picked, each with the faults that it meets in these rounds, in as few lives as there can be: in each phase of a life one call fails. */
  deal<Fault>(
    all: readonly LifeStep[],
    { faults, rounds }: { readonly faults: readonly NamedFault<Fault>[]; readonly rounds: readonly number[] },
  ): readonly Trial<Fault>[] {
    const steps = picked(all);
    const namespaces = new Map<LifeKind, string[]>();
    const counts = new Map<string, number>();
    return rounds
      .flatMap((round) => dealt(faults, { count: steps.length, round }))
      .map(([name, fault], index) => {
        const step = stepAt(steps, index % steps.length);
        const phase = `${step.kind} ${step.phase}`;
        const life = counts.get(phase) ?? 0;
        counts.set(phase, life + 1);
        const ofKind = namespaces.get(step.kind) ?? [];
        namespaces.set(step.kind, ofKind);
        const namespace = (ofKind[life] ??= this.namespace(step.kind));
        return { namespace, step, name, fault };
      });
  }

  /** Of the undisturbed life of the kind. */
  clean(kind: LifeKind): {
    readonly born: object;
    readonly changed: object;
    readonly retiered: object;
    readonly left: object;
    readonly madeAgain: object;
    readonly creations: object;
    readonly idleWrites: readonly string[];
  } {
    const recorded = this.#recorded.get(kind);
    if (recorded === undefined) throw new Error(`no life of the kind ${kind} was recorded`);
    const { born, changed, retiered, left, madeAgain, creations, idleWrites } = recorded.result;
    const own = (world: ReadonlyMap<string, object>): object => world.get(cleanNamespace(kind)) ?? {};
    const worlds = { born: own(born), changed: own(changed), retiered: own(retiered), left: own(left) };
    return { ...worlds, madeAgain: own(madeAgain), creations: own(creations), idleWrites };
  }

  /** Of lives by namespace, each with what befell it: where one is, at any of its ages, not as the undisturbed one, or had something made more often; and what was written without need. */
  problems(lives: ReadonlyMap<string, string>, result: LivesResult): Problems {
    const problems = [...lives].map(([namespace, fate]) => {
      const clean = this.clean(lifeKindOf(namespace));
      const differences = (["born", "changed", "retiered"] as const).flatMap((age) =>
        changedPaths(clean[age], result[age].get(namespace)).map((path) => `when ${age}: ${path}`),
      );
      const left = Object.keys(result.left.get(namespace) ?? {}).map((name) => `left: ${name}`);
      const again = changedPaths(clean.madeAgain, result.madeAgain.get(namespace)).map((path) => `made again: ${path}`);
      const creations = changedPaths(clean.creations, result.creations.get(namespace)).map((path) => `made in AWS: ${path}`);
      return [`${namespace} ${fate}`, [...differences, ...left, ...again, ...creations]] as const;
    });
    const all = [...problems, [NOT_NEEDED, result.idleWrites] as const];
    return Object.fromEntries(all.filter(([, found]) => found.length > 0));
  }

  /** As `problems`, and counts what was tried in the lives, by default each of them: of it each life with a problem did not hold. */
  tallied(
    what: string,
    fates: ReadonlyMap<string, string>,
    { result, tried = fates.size }: { readonly result: LivesResult; readonly tried?: number },
  ): Problems {
    const problems = this.problems(fates, result);
    tally({ what, tried, held: Math.max(0, tried - Object.keys(problems).length) });
    return problems;
  }

  /**
   * Counts the trials, by what failed on the way `to` whom: of a life with a problem none has held. Returns the problems of their lives; and the calls that were to fail and never came, but for repetitions: how often
   * a call is repeated hangs on timing.
   */
  judge<Fault>(
    to: string,
    trials: readonly Trial<Fault>[],
    { result, isMet }: { readonly result: LivesResult; readonly isMet: (trial: Trial<Fault>) => boolean },
  ): { readonly problems: Problems; readonly unmet: readonly string[] } {
    const ofLife = Map.groupBy(trials, ({ namespace }) => namespace);
    const fates = new Map([...ofLife].map(([namespace, of]) => [namespace, of.map(describeTrial).join("; ")]));
    const problems = this.problems(fates, result);
    const held = ({ namespace }: Trial<Fault>): boolean => problems[`${namespace} ${fates.get(namespace) ?? ""}`] === undefined;
    for (const [name, of] of Map.groupBy(trials.filter(isMet), (trial) => trial.name))
      tally({ what: `calls to ${to}: ${name}`, tried: of.length, held: of.filter(held).length });
    const unmet = trials.filter((trial) => !isMet(trial));
    this.#unmet.push(...unmet.map(describeTrial));
    return { problems, unmet: unmet.filter(({ step }) => step.occurrence === 1).map(describeTrial) };
  }

  /** For the end of a test file's output. */
  summary(): string {
    const calls = [...this.#recorded].map(([kind, { steps }]) => `${String(steps.length)} calls in a ${kind}`).join(", ");
    if (this.#unmet.length === 0) return calls;
    return `${calls}\nnot met, since how often these are called hangs on timing:\n  ${this.#unmet.join("\n  ")}`;
  }
}

/** Of the lives. */
export function namespacesOf(trials: readonly Trial<unknown>[]): readonly string[] {
  return [...new Set(trials.map(({ namespace }) => namespace))];
}

function describeTrial({ step, name }: Trial<unknown>): string {
  return `${describeStep(step)}, ${name}`;
}

function stepAt(steps: readonly LifeStep[], index: number): LifeStep {
  const step = steps[index];
  if (step === undefined) throw new Error(`the recorded lives have no call ${String(index)}`);
  return step;
}
