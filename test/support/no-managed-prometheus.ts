import type { RulesNamespaceDesired } from "../../src/crds/desired.ts";
import type { ExternalResource, RulesNamespaceObserved } from "../../src/reconcilers/ports.ts";

/** Amazon Managed Service for Prometheus where the configuration names no workspace: to ask it for anything is a mistake. */
export const NO_MANAGED_PROMETHEUS: ExternalResource<RulesNamespaceDesired, RulesNamespaceObserved> = {
  group: "aps.aws",
  kind: "RuleGroupsNamespace",
  observe: unasked,
  differences: unasked,
  create: unasked,
  update: unasked,
  delete: unasked,
};

function unasked(): never {
  throw new Error("the configuration names no workspace");
}
