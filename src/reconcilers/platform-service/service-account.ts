import { buildAssociation, associationName } from "../../resources/eks/association.ts";
import { buildServiceAccount } from "../../resources/service-account.ts";
import { isPending, type Step, type StepReport } from "../step.ts";
import { applySet, removeSet, WATCHED, type KindSet } from "./apply-set.ts";
import { describeDifferences, EXTERNAL_RECHECK_MS, foreignReport, noteExternal, removeExternal, WITHHELD } from "./external.ts";
import { accountRef, boundModes, neededModes } from "./identity-modes.ts";
import { appMeshNote, isNeeded } from "./needed-meshes.ts";
import type { RemoveScope, Scope } from "./scope.ts";

const SET: KindSet = { kinds: [{ apiVersion: "v1", kind: "ServiceAccount" }] };

/** The service's ServiceAccount: exists, is ours, and is bound to the role that its pods assume, in each way that one of them needs. */
export const serviceAccountStep: Step<Scope, RemoveScope> = {
  name: "service-account",
  condition: "ServiceAccountReady",

  async ensure(scope) {
    const { service, children, owner } = scope;
    const { roleArn } = scope.facts;
    if (roleArn === undefined) {
      return {
        state: "progressing",
        reason: "WaitingForIdentity",
        message: "waits for the IAM role",
        ...WATCHED,
        waitsFor: ["IdentityReady"],
      };
    }
    const modes = neededModes(scope);
    const associated = modes.includes("PodIdentity");
    // The ServiceAccount's note outlives the association, both ways: whoever goes on from here knows that there may be one.
    if (!associated && boundModes(children.get(owner, accountRef(service.key))).includes("PodIdentity")) {
      await scope.associations.retire({ name: associationName(service.key), owner: service.key });
    }
    // So does that of App Mesh: the traffic step takes it off, when nothing is left there.
    const appMesh = isNeeded("AppMesh", scope) ? "true" : appMeshNote(children, owner);
    const applied = await applySet(scope, SET, [buildServiceAccount(service, roleArn, { modes, appMesh })]);
    if (applied) return applied;
    const problem = associated ? await associate(scope) : undefined;
    if (problem) return problem;
    const leaving = modes.filter((mode) => mode !== service.identity);
    if (leaving.length === 0) return { state: "ready" };
    return { state: "ready", message: `bound by ${service.identity}; ${leaving.join(", ")} stays until no pod needs it` };
  },

  async remove(scope) {
    const { associations, stored, children, owner, key, config } = scope;
    const name = associationName(key);
    const listed = (stored.status?.resources ?? []).some(({ kind }) => kind === associations.resource.kind);
    if (
      config.identity.modes.includes("PodIdentity") ||
      listed ||
      boundModes(children.get(owner, accountRef(key))).includes("PodIdentity")
    ) {
      const removal = await removeExternal(scope, associations, { name });
      if (isPending(removal)) return removal;
    }
    return removeSet(scope, SET);
  },
};

/** EKS Pod Identity's side of the binding. Undefined: as desired. */
async function associate(scope: Scope): Promise<StepReport | undefined> {
  const { associations, service, config } = scope;
  const desired = buildAssociation(service, config);
  const result = await associations.converge(desired);
  noteExternal(scope, associations.resource, desired.name, result);
  switch (result.state) {
    case "asDesired":
      return undefined;
    case "foreign":
      return foreignReport(scope, "Pod Identity association", { name: desired.name, owner: result.owner });
    case "withheld":
      return WITHHELD;
    case "stuck":
      return {
        state: "blocked",
        reason: "CannotBeChanged",
        message: `Pod Identity association ${desired.name}: ${describeDifferences(result.differences)}; run aws eks delete-pod-identity-association --cluster-name ${config.cluster.name} --association-id ${result.observed.id}, and it is made again`,
        recheckMs: EXTERNAL_RECHECK_MS,
      };
    default:
      return result satisfies never;
  }
}
