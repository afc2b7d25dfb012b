import { parseArgs } from "node:util";
import { ConfigError, namedConfig, oneOf } from "../../config.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";

/** The command line of `audit`. */

export const HELP = `platform-operator audit: what AWS holds and no service wants, and what services want and is not there.

Usage: platform-operator audit [--config FILE] [options]
       kubectl -n platform-system exec deploy/platform-operator -- /usr/local/bin/node /app/main.mjs audit

  --config FILE            the operator's configuration (PLATFORM_OPERATOR_CONFIG)
  --kubeconfig FILE        which cluster; default: in-cluster, else KUBECONFIG, else ~/.kube/config
  --output table|json      for people, or for programs; default table
  --delete                 shows what would be deleted, asks, and deletes it: what no service is left for, and nothing in the cluster uses
  --include-retained       with --delete: also what was kept on purpose (deletionPolicy Retain)
  --with-images            with --delete: also repositories that hold images; without it, it asks about them by themselves
  --yes PLAN               with --delete: does not ask; PLAN is what an earlier --delete with the same flags showed, and nothing is
                           deleted where it would be another one now
  --despite-few-services   with --delete: also where the cluster has no service, or fewer than would lose what they left:
                           that is what a cluster looks like that is being restored
  --help                   this text

It reads and deletes with the rights of whoever runs it: in the operator's pod, the operator's. It works while the operator runs.
Exit codes: 0 nothing found, or all of it deleted; 1 something is left to do; 2 wrong usage, something could not be read, or refused.`;

export interface AuditOptions {
  readonly config: OperatorConfig;
  readonly kubeconfig: string | undefined;
  readonly output: "table" | "json";
  /** Undefined: nothing is to be deleted. */
  readonly deletion: DeletionOptions | undefined;
}

export interface DeletionOptions {
  readonly includeRetained: boolean;
  readonly withImages: boolean;
  /** Instead of being asked: the plan that was seen before. */
  readonly plan: string | undefined;
  readonly despiteFewServices: boolean;
}

/** Undefined: `--help` was asked for. Throws ConfigError. */
export function readAuditOptions(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): AuditOptions | undefined {
  const flags = parseFlags(argv);
  if (flags.help === true) return undefined;
  const ofDeletion = (["include-retained", "with-images", "yes", "despite-few-services"] as const).find(
    (flag) => flags[flag] !== undefined,
  );
  if (ofDeletion !== undefined && flags.delete !== true)
    throw new ConfigError(`--${ofDeletion} says what --delete deletes: write --delete too`);
  return {
    output: oneOf("--output", flags.output ?? "table", ["table", "json"]),
    config: namedConfig(flags.config, env),
    kubeconfig: flags.kubeconfig,
    deletion:
      flags.delete === true
        ? {
            includeRetained: flags["include-retained"] ?? false,
            withImages: flags["with-images"] ?? false,
            plan: flags.yes,
            despiteFewServices: flags["despite-few-services"] ?? false,
          }
        : undefined,
  };
}

function parseFlags(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        config: { type: "string" },
        kubeconfig: { type: "string" },
        output: { type: "string" },
        delete: { type: "boolean" },
        "include-retained": { type: "boolean" },
        "with-images": { type: "boolean" },
        yes: { type: "string" },
        "despite-few-services": { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    }).values;
  } catch (error) {
    throw new ConfigError(`${error instanceof Error ? error.message : String(error)} (see audit --help)`);
  }
}
