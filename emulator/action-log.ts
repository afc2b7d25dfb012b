/** What was called, by whom, and which of the callers' grants it used. */
import type { Authorization } from "./authorization/authorize.ts";
import type { Caller } from "./operation.ts";

/** One call, or rather one action of it: CreateRole with tags is iam:CreateRole and iam:TagRole. */
export interface ActionEntry {
  /** Counts from 1; ask for what came after it with `since`. */
  readonly sequence: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly accessKeyId: string | undefined;
  /** As `iam:CreateRole`; the operation called is the first of a call's actions. */
  readonly action: string;
  /** The operation called, as `iam:CreateRole`. */
  readonly operation: string;
  readonly access: "read" | "write";
  readonly resource: string;
  /** The condition keys that were there to be tested. */
  readonly keys: Readonly<Record<string, readonly string[]>>;
  /** `OK`, or the error's code on the wire; `Dropped` and `Lost` when the connection was cut before or after the deed. */
  readonly code: string;
  /** Whether state was changed. */
  readonly committed: boolean;
  /** Kinds of the faults that befell it. */
  readonly faults: readonly string[];
}

export interface Counter {
  calls: number;
  /** Writes that were carried out. */
  committed: number;
  /** Error code to how often. */
  errors: Record<string, number>;
}

export interface Counters {
  /** By operation, as `iam:CreateRole`. */
  readonly operations: Readonly<Record<string, Counter>>;
  /** By access key. */
  readonly callers: Readonly<Record<string, Counter>>;
}

/** What of one principal's policy was used. */
export interface GrantReport {
  readonly principal: string;
  readonly statements: readonly {
    readonly index: number;
    readonly sid: string | undefined;
    readonly effect: "Allow" | "Deny";
    /** Actions that this statement allowed or denied, and how often. */
    readonly used: Readonly<Record<string, number>>;
    /** Action patterns of the statement that never applied. */
    readonly unused: readonly string[];
  }[];
  /** Actions that were denied, with the resource, and how often. */
  readonly denied: readonly { readonly action: string; readonly resource: string; readonly times: number }[];
}

interface Usage {
  /** Statement index, then action, to count. */
  readonly used: Map<number, Map<string, number>>;
  /** Statement index to the patterns that applied. */
  readonly patterns: Map<number, Set<string>>;
  readonly denied: Map<string, { action: string; resource: string; times: number }>;
}

const KEPT = 200_000; // entries; the oldest go first

/** The call as it ended. */
export interface FinishedCall {
  readonly time: number;
  readonly accessKeyId: string | undefined;
  readonly operation: string;
  readonly access: "read" | "write";
  readonly code: string;
  readonly committed: boolean;
  readonly faults: readonly string[];
  readonly authorizations: readonly Authorization[];
  readonly notes: Readonly<Record<string, string>>;
}

export class ActionLog {
  #entries: ActionEntry[] = [];
  #sequence = 0;
  #operations = new Map<string, Counter>();
  #callers = new Map<string, Counter>();
  #usage = new Map<string, Usage>();

  record(call: FinishedCall): void {
    const { authorizations, notes, ...common } = call;
    count(this.#operations, call.operation, call);
    count(this.#callers, call.accessKeyId ?? "anonymous", call);
    const actions = authorizations.map(({ permission, keys }) => ({
      action: permission.action,
      resource: permission.resource,
      keys: Object.fromEntries(keys),
    }));
    for (const { action, resource, keys } of actions.length > 0 ? actions : [{ action: call.operation, resource: "*", keys: {} }]) {
      const noted = Object.fromEntries(Object.entries(notes).map(([key, value]) => [key, [value]]));
      this.#entries.push({ ...common, sequence: ++this.#sequence, action, resource, keys: { ...keys, ...noted } });
    }
    if (this.#entries.length > KEPT * 1.1) this.#entries = this.#entries.slice(-KEPT);
  }

  /** Notes which statements a caller's call used, or that it was denied. */
  use(caller: Caller, { permission, decision }: Authorization): void {
    const usage = this.#usage.get(caller.accessKeyId) ?? { used: new Map(), patterns: new Map(), denied: new Map() };
    this.#usage.set(caller.accessKeyId, usage);
    if (decision.effect === "allow" || decision.effect === "explicitDeny") {
      for (const { policy, statement, pattern } of decision.by) {
        if (!caller.grants?.identity.includes(policy)) continue;
        const actions = usage.used.get(statement.index) ?? new Map<string, number>();
        actions.set(permission.action, (actions.get(permission.action) ?? 0) + 1);
        usage.used.set(statement.index, actions);
        usage.patterns.set(statement.index, (usage.patterns.get(statement.index) ?? new Set()).add(pattern));
      }
    }
    if (decision.effect === "implicitDeny" || decision.effect === "explicitDeny") {
      const { action, resource } = permission;
      const known = usage.denied.get(`${action} ${resource}`) ?? { action, resource, times: 0 };
      usage.denied.set(`${action} ${resource}`, { ...known, times: known.times + 1 });
    }
  }

  /** Entries after a sequence number, oldest first. */
  entries(since: number): readonly ActionEntry[] {
    return this.#entries.filter(({ sequence }) => sequence > since);
  }

  counters(): Counters {
    return { operations: Object.fromEntries(this.#operations), callers: Object.fromEntries(this.#callers) };
  }

  grants(callers: readonly Caller[]): GrantReport[] {
    return callers.map((caller) => {
      const usage = this.#usage.get(caller.accessKeyId);
      const statements = (caller.grants?.identity ?? []).flatMap((policy) => policy.statements);
      return {
        principal: caller.arn,
        statements: statements.map(({ index, sid, effect, actions }) => ({
          index,
          sid,
          effect,
          used: Object.fromEntries(usage?.used.get(index) ?? []),
          unused: (actions ?? []).filter((pattern) => !usage?.patterns.get(index)?.has(pattern)),
        })),
        denied: [...(usage?.denied.values() ?? [])],
      };
    });
  }

  clear(): void {
    this.#entries = [];
    this.#operations = new Map();
    this.#callers = new Map();
    this.#usage = new Map();
  }
}

function count(counters: Map<string, Counter>, key: string, { code, committed }: FinishedCall): void {
  const counter = counters.get(key) ?? { calls: 0, committed: 0, errors: {} };
  counters.set(key, counter);
  counter.calls += 1;
  if (committed) counter.committed += 1;
  if (code !== "OK") counter.errors[code] = (counter.errors[code] ?? 0) + 1;
}
