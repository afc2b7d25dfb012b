import { IDENTITY_MODES, type IdentityMode } from "../../crds/effective.ts";
import { ANNOTATIONS, type ObjectKey } from "../../crds/meta.ts";
import { identityHash } from "../../resources/deployment.ts";
import { roleArn } from "../../resources/iam/role.ts";
import type { ChildRef, ChildState, TemplateState } from "../ports.ts";
import type { Scope } from "./scope.ts";

/** Which bindings of a service's own role have to be there: the one that is wished for, and each that a pod may still need. */

/** In the order of IDENTITY_MODES. A binding is found needless only when the cluster shows it, never because a pass or a process forgot. */
export function neededModes(scope: Pick<Scope, "world" | "service" | "children" | "owner" | "config">): readonly IdentityMode[] {
  const { world, service, children, owner, config } = scope;
  const own = roleArn(service.key, config);
  const templates = world.templates(service.key);
  const pods = world.pods(service.key);
  const wished = identityHash(service.identity, service.spec.aws?.existingRole ?? own);
  // An old ReplicaSet may make another pod at any moment of a rollout, when none is to be seen.
  const bound = isSettled(templates, pods.length, ({ identity }) => identity === wished)
    ? []
    : boundModes(children.get(owner, accountRef(service.key)));
  return IDENTITY_MODES.filter((mode) => {
    if (mode === service.identity || bound.includes(mode)) return true;
    const hash = identityHash(mode, own);
    // What a pod was given counts; its note, where that does not show.
    return (
      templates.some(({ identity }) => identity === hash) ||
      pods.some(({ token, identity }) => token === mode || (token === undefined && identity === hash))
    );
  });
}

/** As the ServiceAccount's note says, which is written before a binding is made, and rewritten after one is taken away. */
export function boundModes(account: Pick<ChildState, "annotations"> | undefined): readonly IdentityMode[] {
  if (account === undefined) return [];
  const noted = account.annotations[ANNOTATIONS.boundBy]?.split(",") ?? ["IRSA"];
  return IDENTITY_MODES.filter((mode) => noted.includes(mode));
}

/** The ServiceAccount of a service, which is called as it is. */
export function accountRef(key: ObjectKey): ChildRef {
  return { apiVersion: "v1", kind: "ServiceAccount", ...key };
}

/** Nothing but pods of templates that are so will be made; `pods`: how many there are. */
export function isSettled(templates: readonly TemplateState[], pods: number, isSo: (template: TemplateState) => boolean): boolean {
  return templates.length === 0 ? pods === 0 : templates.every((template) => template.rolledOut && isSo(template));
}
