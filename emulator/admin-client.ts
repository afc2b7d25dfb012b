import type { ActionEntry, Counters, GrantReport } from "./action-log.ts";
import type { ActiveFault, FaultRule } from "./faults.ts";
import type { Expired } from "./services/ecr/lifecycle-policy.ts";
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
    return this.#send("GET", `actions?since=${since}`);
  }

  /** Of the last call so far, to ask for those after it; 0 before the first. */
  async lastSequence(): Promise<number> {
    return (await this.actions()).at(-1)?.sequence ?? 0;
  }

  /** Forgets the action log, the counters and the use of grants. */
  async clearActions(): Promise<void> {
    await this.#send("DELETE", "actions");
  }

  async counters(): Promise<Counters> {
    return this.#send("GET", "counters");
  }

  /** For each principal with a policy: what of it was used, and what never. */
  async grants(): Promise<readonly GrantReport[]> {
    return this.#send("GET", "grants");
  }

  /** Puts fault rules in force; positions count from now. */
  async addFaults(...rules: readonly FaultRule[]): Promise<readonly ActiveFault[]> {
    return this.#send("POST", "faults", rules);
  }

  async faults(): Promise<readonly ActiveFault[]> {
    return this.#send("GET", "faults");
  }

  async clearFaults(): Promise<void> {
    await this.#send("DELETE", "faults");
  }

  /** Empties everything: state, faults, log. */
  async reset(): Promise<void> {
    await this.#send("POST", "reset");
  }

  /** Carries out the lifecycle policy of one repository, or of every one, as of so many days from now: what is gone, and by which rule. */
  async expireImages({ repository, days = 0 }: { repository?: string; days?: number } = {}): Promise<readonly Expired[]> {
    const query = new URLSearchParams({ days: String(days), ...(repository !== undefined && { repository }) });
    return this.#send("POST", `expire?${query.toString()}`);
  }

  /** Makes a Pod Identity association one of an add-on, by the add-on's ARN. */
  async ownAssociation({ cluster, association, owner }: { cluster: string; association: string; owner: string }): Promise<void> {
    await this.#send("PUT", `association-owner?${new URLSearchParams({ cluster, association, owner }).toString()}`);
  }

  /** The tables, for looking at. */
  async state(): Promise<ReturnType<State["snapshot"]>> {
    return this.#send("GET", "state");
  }

  /** The answer is believed to be a T: the emulator is of this very repository. */
  async #send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
    const response = await fetch(`${this.#url}/_emulator/${path}`, init);
    const text = await response.text();
    if (!response.ok) throw new Error(`emulator: ${method} ${path}: ${response.status} ${text}`);
    const value: T = JSON.parse(text);
    return value;
  }
}
