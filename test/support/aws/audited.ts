import type { Terminal } from "../../../src/cli/audit/audit.ts";
import type { AuditOptions, DeletionOptions } from "../../../src/cli/audit/options.ts";
import type { OperatorConfig } from "../../../src/crds/operator-config.ts";
import type { PlatformService } from "../../../src/crds/platform-service.ts";
import type { ClusterReader } from "../../../src/reconcilers/audit/survey.ts";
import type { Uses } from "../../../src/reconcilers/audit/users.ts";

/** A cluster and a terminal for audits, as a test sets them. */

export class AuditedCluster implements ClusterReader {
  present: readonly PlatformService[] = [];
  labels: Readonly<Record<string, string>> = {};
  used: Uses = { pods: [], accounts: [] };
  /** How often the services were read. */
  reads = 0;
  /** Runs before the services are read for the nth time, from 1. */
  before: (read: number) => unknown = () => undefined;

  async services(): Promise<readonly PlatformService[]> {
    await this.before(++this.reads);
    return this.present;
  }

  async namespaceLabels() {
    return () => this.labels;
  }

  async uses() {
    return this.used;
  }
}

/** Answers what it is given, and keeps what it is told. */
export class ScriptedTerminal implements Terminal {
  readonly lines: string[] = [];
  readonly errors: string[] = [];
  readonly questions: string[] = [];
  readonly interactive: boolean;
  readonly #answers: string[];

  constructor(answers?: readonly string[]) {
    this.interactive = answers !== undefined;
    this.#answers = [...(answers ?? [])];
  }

  out(line: string): void {
    this.lines.push(line);
  }

  err(line: string): void {
    this.errors.push(line);
  }

  progress(): void {
    // Nobody looks.
  }

  paint(text: string): string {
    return text;
  }

  async ask(question: string): Promise<string> {
    this.questions.push(question);
    return this.#answers.shift() ?? "";
  }
}

/** With --delete where `deletion` is given. */
export function auditOptions(config: OperatorConfig, deletion?: Partial<DeletionOptions>): AuditOptions {
  return {
    config,
    kubeconfig: undefined,
    output: "json",
    deletion: deletion && { includeRetained: false, withImages: false, plan: undefined, despiteFewServices: false, ...deletion },
  };
}
