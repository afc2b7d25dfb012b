import { keyString } from "../../crds/meta.ts";
import { sha256Hex } from "../../crds/hash.ts";
import type { PlatformService } from "../../crds/platform-service.ts";
import { isLeaving } from "../../reconcilers/audit/claims.ts";
import { isSeen, type Finding } from "../../reconcilers/audit/findings.ts";
import { AUDITED_KINDS } from "../../reconcilers/audit/holdings.ts";
import type { DeletionOptions } from "./options.ts";

/** What an audit would delete, and whether the cluster looks as if it were not all there: pure. */

export interface Planned {
  readonly finding: Finding;
  /** Of a repository; 0 of everything else. */
  readonly images: number;
}

export interface Plan {
  /** Another one where anything of it is another: what was seen is what is deleted. */
  readonly id: string;
  readonly objects: readonly Planned[];
  /** Repositories that hold images, where those were not asked for. */
  readonly left: readonly Planned[];
}

/** What may be deleted at all: what is kept on purpose only where that is asked for. In the order in which App Mesh and EKS let it go. */
export function deletable(findings: readonly Finding[], { includeRetained }: Pick<DeletionOptions, "includeRetained">): readonly Finding[] {
  return findings
    .filter((one) => one.deletable && (includeRetained || one.state !== "Retained"))
    .toSorted((a, b) => AUDITED_KINDS.indexOf(a.kind) - AUDITED_KINDS.indexOf(b.kind));
}

export function planOf(all: readonly Planned[], { withImages }: Pick<DeletionOptions, "withImages">): Plan {
  const isLeft = ({ images }: Planned): boolean => images > 0 && !withImages;
  const objects = all.filter((one) => !isLeft(one));
  const lines = objects.map(({ finding: { state, kind, arn }, images }) => `${state} ${kind} ${arn} ${images}`);
  return { id: sha256Hex(lines.toSorted().join("\n")).slice(0, PLAN_DIGITS), objects, left: all.filter(isLeft) };
}

/** Enough that nobody comes upon another by chance, and few enough to copy. */
const PLAN_DIGITS = 12;

/** Whose configuration it is has been asked before. Undefined: the cluster looks whole. */
export function doubtOfCluster(planned: readonly Finding[], services: readonly PlatformService[]): string | undefined {
  const owners = new Set(planned.flatMap(({ service }) => (service === undefined ? [] : [keyString(service)])));
  if (owners.size === 0) return undefined;
  const seen = services.filter((one) => !isLeaving(one) && isSeen(one)).length;
  if (seen >= owners.size) return undefined;
  const there = seen === 0 ? "no PlatformService that an operator has seen" : `${String(seen)} that an operator has seen`;
  return `what ${String(owners.size)} PlatformServices left would go, and the cluster has ${there}: so a cluster looks that is being restored, or is the wrong one. Apply the services again and let the operator see them; or write --despite-few-services`;
}
