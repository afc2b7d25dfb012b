import { buildServiceAccount } from "../../resources/service-account.ts";
import type { Step } from "../step.ts";
import { applySet, removeSet, WATCHED_RECHECK_MS, type KindSet } from "./apply-set.ts";
import type { RemoveScope, Scope } from "./scope.ts";

const SET: KindSet = { kinds: [{ apiVersion: "v1", kind: "ServiceAccount" }] };

/** The service's ServiceAccount: exists, is ours, and names the role its pods assume. */
export const serviceAccountStep: Step<Scope, RemoveScope> = {
  name: "service-account",
  condition: "ServiceAccountReady",

  async ensure(scope) {
    const { roleArn } = scope.facts;
    if (roleArn === undefined) {
      return {
        state: "progressing",
        reason: "WaitingForIdentity",
        message: "waits for the IAM role",
        recheckMs: WATCHED_RECHECK_MS,
        waitsFor: ["IdentityReady"],
      };
    }
    return (await applySet(scope, SET, [buildServiceAccount(scope.service, roleArn)])) ?? { state: "ready" };
  },

  remove: (scope) => removeSet(scope, SET),
};
