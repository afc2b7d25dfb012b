import type { ActionEntry, Counters, GrantReport } from "./action-log.ts";
import type { ActiveFault, FaultRule } from "./faults.ts";
import type { State } from "./state.ts";

/** Asks a running emulator what was called, and tells it what to let fail. Methods throw an Error with the emulator's own sentence. */
export class EmulatorAdmin {
  readonly #url: string;

  /** `url`: the emulator's, as AWS_ENDPOINT_URL has it. */
  constructor(url: string) {
    this.#url = url.replace(/\/$/, "");
  }

  /** Calls in order, those after the sequence number `since`. */
  async actions(since = 0): Promise<readonly ActionEntry[]> {
    return (await this.#send("GET", `actions?since=${since}`)) as ActionEntry[];
  }

  /** Forgets the action log, the counters and the use of grants. */
  async clearActions(): Promise<void> {
    await this.#send("DELETE", "actions");
  }

  async counters(): Promise<Counters> {
    return (await this.#send("GET", "counters")) as Counters;
  }

  /** For each principal with a policy: what of it was used, and what never. */
  async grants(): Promise<readonly GrantReport[]> {
    return (await this.#send("GET", "grants")) as GrantReport[];
  }

  /** Puts fault rules in force; positions count from now. */
  async addFaults(...rules: readonly FaultRule[]): Promise<readonly ActiveFault[]> {
    return (await this.#send("POST", "faults", rules)) as ActiveFault[];
  }

  async faults(): Promise<readonly ActiveFault[]> {
    return (await this.#send("GET", "faults")) as ActiveFault[];
  }

  async clearFaults(): Promise<void> {
    await this.#send("DELETE", "faults");
  }

  /** Empties everything: state, faults, log. */
  async reset(): Promise<void> {
    await this.#send("POST", "reset");
  }

  /** The tables, for looking at. */
  async state(): Promise<ReturnType<State["snapshot"]>> {
    return (await this.#send("GET", "state")) as ReturnType<State["snapshot"]>;
  }

  async #send(method: string, path: string, body?: unknown): Promise<unknown> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`${this.#url}/_emulator/${path}`, init);
    const value: unknown = await response.json();
    if (!response.ok) throw new Error(`emulator: ${method} ${path}: ${(value as { error?: string }).error ?? response.status}`);
    return value;
  }
}
