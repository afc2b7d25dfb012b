import { permittedBoundaries } from "../../crds/aws-names.ts";
import type { ExistingRole } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { joined } from "../bounded-text.ts";
import { trustedSubject } from "./role.ts";
import { judgeTrust } from "./trust.ts";

/** A role that somebody else made and owns: whether a service may use it, as it is now in AWS. */

/** The role's name: what follows the last slash of its ARN. */
export function existingRoleName(arn: string): string {
  return arn.slice(arn.lastIndexOf("/") + 1);
}

/** What a verdict is made from, beside the role. */
interface User {
  readonly service: EffectiveService;
  readonly config: OperatorConfig;
}

export type RoleVerdict =
  | { readonly state: "usable"; readonly remarks: readonly string[] }
  | { readonly state: "refused"; readonly reason: string; readonly message: string };

/** Checks of the role itself, the first that fails. What the service may name at all is `validateService`'s to say. */
export function verifyExistingRole(arn: string, role: ExistingRole | undefined, user: User): RoleVerdict {
  const name = existingRoleName(arn);
  if (role === undefined) {
    return refused("RoleNotFound", `IAM role ${name} does not exist: whoever is to own it makes it, or correct spec.aws.existingRole`);
  }
  if (role.arn !== arn) {
    return refused(
      "RoleNotFound",
      `the IAM role called ${name} is ${role.arn}, not ${arn}: write that ARN in spec.aws.existingRole, if it is meant`,
    );
  }
  if (role.ownedBy !== null) {
    return refused(
      "RoleOfAnotherService",
      `IAM role ${name} is made and kept by an operator (${role.ownedBy}): name a role that no PlatformService owns, or remove spec.aws.existingRole`,
    );
  }
  return verifyBoundary(name, role, user) ?? verifyTrust(name, role, user);
}

/** A tier that names a boundary wants that one; without, each that the configuration lists will do. */
function verifyBoundary(name: string, { permissionsBoundaryArn }: ExistingRole, { service, config }: User): RoleVerdict | undefined {
  const ofTier = service.tier.spec.identity?.permissionsBoundaryArn;
  const permitted = typeof ofTier === "string" ? [ofTier] : permittedBoundaries(config);
  if (permissionsBoundaryArn !== null && permitted.includes(permissionsBoundaryArn)) return undefined;
  return refused(
    "BoundaryNotPermitted",
    `IAM role ${name} has ${permissionsBoundaryArn === null ? "no permissions boundary" : `the permissions boundary ${permissionsBoundaryArn}`}: its owner must set ${permitted.join(" or ")}`,
  );
}

function verifyTrust(name: string, { trust }: ExistingRole, { service, config }: User): RoleVerdict {
  const subject = trustedSubject(service, config);
  const wanted = `StringEquals on ${subject.issuer}:sub = ${subject.sub} and :aud = ${subject.audience}`;
  if (trust === null) {
    return refused(
      "TrustNotUnderstood",
      `the trust policy of IAM role ${name} has a form that cannot be judged (NotPrincipal, NotAction): its owner must name whom it admits, with ${wanted}`,
    );
  }
  const { admits, anyone, remarks } = judgeTrust(trust, subject);
  if (!admits) {
    return refused(
      "NotTrusted",
      `the trust policy of IAM role ${name} does not admit this service: its owner must add ${subject.provider} as Federated, with ${wanted}`,
    );
  }
  if (anyone.length > 0) {
    return refused(
      "TrustTooWide",
      `the trust policy of IAM role ${name} admits ${joined(anyone, ", ")}: its owner must name each ServiceAccount, with ${wanted}`,
    );
  }
  return { state: "usable", remarks };
}

function refused(reason: string, message: string): RoleVerdict {
  return { state: "refused", reason, message };
}
