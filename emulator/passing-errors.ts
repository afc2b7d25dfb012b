import { AwsFault } from "./errors.ts";

/** Errors that pass by themselves, with the codes and statuses of each service. */

/** EKS and App Mesh have a class for it; the others have what all services may answer (API references, Common Errors). */
const OWN_UNAVAILABLE: ReadonlySet<string> = new Set(["eks", "appmesh"]);

/** A service's 503. */
export function unavailableError(service: string): AwsFault {
  const code = OWN_UNAVAILABLE.has(service) ? "ServiceUnavailableException" : "ServiceUnavailable";
  return new AwsFault(code, 503, "The request has failed due to a temporary failure of the server.");
}

interface BusyOperations {
  readonly operations: RegExp;
  readonly code: string;
}

/** By service, the operations whose models declare a 409 that may pass, with its code; of IAM those on roles. ECR has none. */
const BUSY: Readonly<Record<string, readonly BusyOperations[]>> = {
  iam: [
    { operations: /^(Create|Tag|Untag)Role$/, code: "ConcurrentModification" },
    { operations: /^DeleteRole$/, code: "DeleteConflict" },
  ],
  eks: [{ operations: /^CreatePodIdentityAssociation$/, code: "ResourceInUseException" }],
  appmesh: [
    { operations: /^(Create|Update)(Mesh|Route|Virtual\w+)$/, code: "ConflictException" },
    { operations: /^Delete(Mesh|Route|Virtual\w+)$/, code: "ResourceInUseException" },
  ],
  aps: [{ operations: /^(Create|Put|Delete)RuleGroupsNamespace$/, code: "ConflictException" }],
};

/** How an operation says that something else is under way with the same thing; undefined: it has no such error. */
export function busyError(service: string, operation: string): AwsFault | undefined {
  const code = BUSY[service]?.find(({ operations }) => operations.test(operation))?.code;
  return code === undefined ? undefined : new AwsFault(code, 409, "Another operation on the resource is in progress; try again later.");
}
