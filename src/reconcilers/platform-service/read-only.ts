import type { Identified } from "../../crds/desired.ts";
import { joined } from "../../resources/bounded-text.ts";
import { sortedUnique } from "../../resources/order.ts";
import type { Converger, Converging } from "../converge.ts";
import type { Children, Holds, ImageKeeper } from "../ports.ts";
import type { Step, StepReport } from "../step.ts";
import { describeDifferences } from "./external.ts";
import type { Hands, Ports, RemoveScope, Scope } from "./scope.ts";

type ServiceStep = Step<Scope, RemoveScope>;

/**
 * A pass over a suspended service: the same steps, with hands that look and do not write. What they withhold is named in the condition of
 * the step that wanted it, whatever that step itself makes of the answer: no step decides to hold back, so none can forget it.
 */
export interface ReadOnlyPass {
  readonly hands: Hands;
  /** The step, reporting what was withheld from it. */
  naming(step: ServiceStep): ServiceStep;
}

export function readOnlyPass(ports: Pick<Ports, keyof Hands>): ReadOnlyPass {
  let withheld: string[] = [];
  const note = (words: string): void => void withheld.push(words);
  return {
    hands: {
      children: lookingChildren(ports.children, note),
      holds: lookingHolds(ports.holds, note),
      roles: looking(ports.roles, note),
      repositories: looking(ports.repositories, note),
      associations: looking(ports.associations, note),
      rulesNamespaces: looking(ports.rulesNamespaces, note),
      appMesh: {
        virtualNodes: looking(ports.appMesh.virtualNodes, note),
        virtualRouters: looking(ports.appMesh.virtualRouters, note),
        routes: looking(ports.appMesh.routes, note),
        virtualServices: looking(ports.appMesh.virtualServices, note),
      },
      imageKeeper: lookingKeeper(ports.imageKeeper, note),
      // What is not written rolls nothing: it needs no place, and holds none.
      budget: { take: () => true, release: () => undefined },
    },
    naming: (step) => ({
      ...step,
      async ensure(scope) {
        withheld = [];
        return naming(await step.ensure(scope), withheld);
      },
    }),
  };
}

/** Of a step that waits for another, which is run in the same pass: while that is suspended, each look would be in vain. */
const WAITING_RECHECK_MS = 300_000;

/** What stands in the way beside it is said first. */
function naming(report: StepReport, withheld: readonly string[]): StepReport {
  if (withheld.length === 0) {
    return report.state === "progressing" && report.waitsFor !== undefined ? { ...report, recheckMs: WAITING_RECHECK_MS } : report;
  }
  const message = `not written while suspended: ${joined(sortedUnique(withheld))}`;
  if (report.state === "blocked" || report.state === "failed") return { ...report, message: `${report.message}; ${message}` };
  return { state: "suspended", message };
}

function lookingChildren(children: Children, note: (words: string) => void): Children {
  return {
    get: (owner, ref) => children.get(owner, ref),
    owned: (owner, kinds) => children.owned(owner, kinds),
    released: (owner, ref) => children.released(owner, ref),
    look: (owner, desired) => children.look(owner, desired),
    forget: (owner) => children.forget(owner),
    async apply(owner, desired) {
      const result = await children.look(owner, desired);
      const name = `${desired.kind} ${desired.metadata.name}`;
      if (result.state === "withheld") note(result.found === "absent" ? `${name} is not there` : `${name} differs`);
      return result;
    },
    async remove(owner, ref) {
      const child = children.get(owner, ref);
      if (child === undefined) return "gone";
      if (child.deleting) return "deleting";
      note(`${ref.kind} ${ref.name} is no longer wanted`);
      return "withheld";
    },
    async strip(owner, ref) {
      if ((children.get(owner, ref)?.foreignPaths ?? []).length > 0) note(`${ref.kind} ${ref.name} differs`);
      return false;
    },
    async scale(owner, ref, replicas) {
      // One that is not there, or is on its way out, is named by its apply.
      if (children.get(owner, ref)?.deleting === false) note(`${ref.kind} ${ref.name} should have ${String(replicas)} replicas`);
    },
  };
}

function lookingHolds(holds: Holds, note: (words: string) => void): Holds {
  return {
    look: (owner, desired) => holds.look(owner, desired),
    held: (owner) => holds.held(owner),
    forget: (owner) => holds.forget(owner),
    async hold(owner, desired) {
      const result = await holds.look(owner, desired);
      if (result.state === "withheld") note(`${desired.kind} ${desired.metadata.name} differs`);
      return result;
    },
    async release(owner, ref) {
      if (holds.held(owner.key).some((held) => held.ref.kind === ref.kind && held.ref.name === ref.name))
        note(`${ref.kind} ${ref.name} is no longer brought`);
      return "withheld";
    },
  };
}

function looking<D extends Identified, O>(
  converger: Pick<Converger<D, O>, "resource" | "look" | "lookRetired" | "forget" | "forgetOwnedBy">,
  note: (words: string) => void,
): Converging<D, O> {
  return {
    resource: converger.resource,
    async converge(desired, first) {
      const result = await converger.look(desired, first);
      const name = `${converger.resource.kind} ${desired.name}`;
      if (result.state === "withheld")
        note(result.observed ? `${name} differs: ${describeDifferences(result.differences)}` : `${name} is not there`);
      return result;
    },
    async retire(target) {
      const result = await converger.lookRetired(target);
      if (result.state === "withheld") note(`${converger.resource.kind} ${target.name} is no longer wanted`);
      return result;
    },
    forget: (name) => converger.forget(name),
    forgetOwnedBy: (owner) => converger.forgetOwnedBy(owner),
  };
}

function lookingKeeper(keeper: ImageKeeper, note: (words: string) => void): ImageKeeper {
  return {
    kept: (repository) => keeper.kept(repository),
    async keep(repository, digest) {
      note(`image ${repository}@${digest} is not kept from expiring`);
      return "withheld";
    },
    async release(repository, digest) {
      note(`image ${repository}@${digest} is kept from expiring and no longer runs`);
      return "withheld";
    },
  };
}
