import type { PlatformService, PlatformServiceStatus } from "../../../src/crds/platform-service.ts";
import { admit, faultsOf } from "./admission.ts";
import { refusals } from "./child-rules.ts";
import { blockOf } from "./crd-schema.ts";
import { endingOf, isEnd, NAMES_FIELD, wordProblems, type Ending } from "./ending.ts";
import { fuzzService, type FuzzInput } from "./inputs.ts";
import { asStored, memoryPlatform, type MemoryPlatform } from "./memory-platform.ts";

/** One PlatformService through the API server's rules and the operator's own passes, in memory. */

export interface MemoryRun {
  readonly ending: Ending | { readonly state: "notAdmitted"; readonly fields: readonly string[] };
  /** What must not be, in words. Empty: all is well. */
  readonly problems: readonly string[];
}

/** So many passes are more than anything needs. */
const MOST_PASSES = 12;

const STATUS = blockOf("status");

export async function runInMemory(input: FuzzInput, namespace: string): Promise<MemoryRun> {
  const admitted = admit(fuzzService(input, namespace));
  if (admitted.faults.length > 0)
    return { ending: { state: "notAdmitted", fields: admitted.faults.map(({ field }) => field) }, problems: [] };
  const stored = asStored(admitted.object);
  const platform = memoryPlatform(stored);
  const problems: string[] = [];
  const inspector = new Inspector(stored);
  let quiet = false;
  let last: readonly string[] = [];
  for (let pass = 0; pass < MOST_PASSES && !quiet; pass++) {
    const before = JSON.stringify(platform.status());
    await platform.pass();
    const writes = platform.calls().filter((call) => !/^(observe |resolve |strip$)/.test(call));
    last = writes;
    quiet = writes.length === 0 && JSON.stringify(platform.status()) === before;
    problems.push(...inspector.of(platform, { writes, isLast: quiet || pass === MOST_PASSES - 1 }));
    platform.settle();
  }
  const ending = endingOf(platform.status(), 1);
  if (!quiet) problems.push(`still writes after ${String(MOST_PASSES)} passes: ${last.join(", ")}`);
  if (!isEnd(ending)) problems.push(`ends as ${ending.state === "stated" ? ending.reasons.join(", ") : ending.state}`);
  return { ending, problems: [...new Set(problems)] };
}

function isOfKubernetes(object: unknown): boolean {
  return typeof object === "object" && object !== null && "kind" in object;
}

class Inspector {
  readonly #seen = new Set<string>();
  readonly #words: string;

  constructor(stored: Pick<PlatformService, "metadata" | "spec">) {
    this.#words = JSON.stringify(stored);
  }

  /** What is wrong with what a pass has asked for and said; of what it did before, nothing. */
  of(platform: MemoryPlatform, { writes, isLast }: { readonly writes: readonly string[]; readonly isLast: boolean }): readonly string[] {
    // Objects of Kubernetes are asked for in every pass, and in the last all of them.
    const asked = platform.asked().filter((object) => isLast || !isOfKubernetes(object));
    const status = platform.status();
    const text = JSON.stringify(status);
    const ending = endingOf(status, 1);
    return [
      ...asked.flatMap(refusals),
      ...(this.#isNew(text) ? this.#ofStatus(status, JSON.parse(text)) : []),
      ...(ending.state === "refused" && writes.length > 0 ? [`is refused, and writes ${writes.join(", ")}`] : []),
      ...(ending.state === "refused" && !NAMES_FIELD.test(ending.message) ? [`names no field: ${ending.message}`] : []),
    ];
  }

  #ofStatus({ conditions = [] }: PlatformServiceStatus, sent: unknown): readonly string[] {
    return [
      ...wordProblems(conditions, this.#words),
      ...faultsOf(sent, STATUS, "status").map(({ field, message }) => `${field}: ${message}`),
    ];
  }

  #isNew(text: string): boolean {
    return this.#seen.size < this.#seen.add(text).size;
  }
}
