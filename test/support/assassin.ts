import { signatureOf } from "./api-call.ts";
import type { FaultBench } from "./fault-bench.ts";
import type { FaultLives, Problems } from "./fault-lives.ts";
import { describeStep, type LifeStep } from "./life-steps.ts";
import { live, type Phase } from "./lives.ts";
import { SEED } from "./thoroughness.ts";

interface Moment {
  readonly step: LifeStep;
  seen: number;
  /** It has come, while the operator was dead already: the next call for the namespace is it. */
  missed: boolean;
}

/** Kills the operator when the call of a moment is seen, before anything becomes of it, and starts it again; one death at a time. */
export class Assassin {
  /** Moments at which it was killed. */
  readonly done: string[] = [];
  readonly #bench: FaultBench;
  /** By namespace. */
  readonly #waiting: Map<string, Moment>;
  #phase: Phase = "born";
  #rebirth: Promise<void> | undefined;

  constructor(bench: FaultBench, moments: ReadonlyMap<string, LifeStep>) {
    this.#bench = bench;
    this.#waiting = new Map([...moments].map(([namespace, step]) => [namespace, { step, seen: 0, missed: false }]));
  }

  /** Call it before each phase: no death between two, nor during what is measured. */
  async enter(phase: Phase): Promise<void> {
    await this.#rebirth;
    this.#phase = phase;
  }

  /** A call was seen that is about the namespaces for which `isAbout` holds. */
  saw(to: LifeStep["to"], call: string, isAbout: (namespace: string) => boolean): void {
    if (this.#phase === "seenAgain") return;
    for (const [namespace, moment] of this.#waiting) {
      if (!isAbout(namespace)) continue;
      const { step } = moment;
      if (step.phase === this.#phase && step.to === to && step.call === call) moment.seen++;
      if (!moment.missed && moment.seen < step.occurrence) continue;
      moment.missed = true;
      if (this.#rebirth !== undefined) continue;
      this.#waiting.delete(namespace);
      this.done.push(describeStep(step));
      this.#rebirth = this.#killAndStart();
    }
  }

  async #killAndStart(): Promise<void> {
    await this.#bench.operator.kill();
    await this.#bench.startOperator();
    this.#rebirth = undefined;
  }
}

/**
 * Lives a life in the namespace of each moment, with the operator killed at it. `what`: as a tally has it. `arm` is told who is to hear of calls to AWS, and at the end
 * that nobody is.
 */
export async function liveUnderKills(
  { bench, lives }: { readonly bench: FaultBench; readonly lives: FaultLives },
  {
    what,
    moments,
    arm,
  }: {
    readonly what: string;
    readonly moments: ReadonlyMap<string, LifeStep>;
    readonly arm: (plan: Assassin | undefined) => void;
  },
): Promise<{ readonly deaths: number; readonly problems: Problems }> {
  const plan = new Assassin(bench, moments);
  arm(plan);
  const stop = bench.proxy.onCall((call) => plan.saw("api", signatureOf(call), (namespace) => call.namespace === namespace));
  const result = await live(bench, [...moments.keys()], (phase) => plan.enter(phase));
  stop();
  arm(undefined);
  const deaths = plan.done.length;
  console.log(`${what}: ${String(deaths)}, by the seed ${String(SEED)}, at\n  ${plan.done.join("\n  ")}`);
  const fates = new Map([...moments].map(([namespace, step]) => [namespace, describeStep(step)]));
  return { deaths, problems: lives.tallied(what, fates, { result, tried: deaths }) };
}
