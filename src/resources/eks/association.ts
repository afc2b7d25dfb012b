import { serviceTags } from "../../crds/aws-names.ts";
import type { AssociationDesired } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import { keyString, type ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { roleArn } from "../iam/role.ts";

/** EKS Pod Identity's association of the service's ServiceAccount with its own role. */
export function buildAssociation(service: EffectiveService, config: OperatorConfig): AssociationDesired {
  return {
    name: associationName(service.key),
    owner: service.key,
    roleArn: roleArn(service.key, config),
    tags: serviceTags(service, config),
  };
}

/** Its ServiceAccount, which is called as the service is; also what deletion looks for. */
export function associationName(key: ObjectKey): string {
  return keyString(key);
}
