import { AwsError, FencedError, type AwsErrorClass } from "../reconcilers/ports.ts";

/**
 * The one place that knows what the many error names of AWS and of the network mean (aws.md, Errors). By name, code and
 * status; never by a message's text. A name is held without its Exception or Error ending: query services have none.
 */

const NAMES_BY_CLASS: readonly (readonly [AwsErrorClass, readonly string[]])[] = [
  [
    "absent",
    [
      "ImageNotFound",
      "LayersNotFound",
      "LifecyclePolicyNotFound",
      "NoSuchEntity",
      "NotFound",
      "RepositoryNotFound",
      "RepositoryPolicyNotFound",
      "ResourceNotFound",
    ],
  ],
  ["exists", ["Conflict", "EntityAlreadyExists", "RepositoryAlreadyExists"]],
  ["busy", ["ConcurrentModification", "DeleteConflict", "EntityTemporarilyUnmodifiable", "RepositoryNotEmpty", "ResourceInUse"]],
  [
    "throttled",
    [
      "BandwidthLimitExceeded",
      "EC2Throttled",
      "PriorRequestNotComplete",
      "ProvisionedThroughputExceeded",
      "RequestLimitExceeded",
      "RequestThrottled",
      "SlowDown",
      "Throttled",
      "Throttling",
      "TooManyRequests",
    ],
  ],
  [
    "denied",
    [
      "AccessDenied",
      "AuthFailure",
      "CredentialsProvider",
      "ExpiredToken",
      "IncompleteSignature",
      "InvalidAccessKeyId",
      "InvalidClientTokenId",
      "InvalidIdentityToken",
      "InvalidSignature",
      "MissingAuthenticationToken",
      "NotAuthorized",
      "OptInRequired",
      "RequestExpired",
      "SignatureDoesNotMatch",
      "TokenProvider",
      "TokenRefreshRequired",
      "UnauthorizedOperation",
      "UnrecognizedClient",
    ],
  ],
  [
    "invalid",
    [
      "BadRequest",
      "InvalidAction",
      "InvalidInput",
      "InvalidParameter",
      "InvalidParameterCombination",
      "InvalidParameterValue",
      "InvalidRequest",
      "InvalidTagParameter",
      "Kms",
      "MalformedPolicyDocument",
      "MissingParameter",
      "PolicyNotAttachable",
      "Serialization",
      "TooManyTags",
      "UnmodifiableEntity",
      "Validation",
    ],
  ],
  ["overQuota", ["LimitExceeded", "ResourceLimitExceeded", "ServiceQuotaExceeded"]],
  [
    "unreachable",
    [
      "Abort",
      "EAI_AGAIN",
      "ECONNABORTED",
      "ECONNREFUSED",
      "ECONNRESET",
      "EHOSTUNREACH",
      "ENETUNREACH",
      "ENOTFOUND",
      "EPIPE",
      "ETIMEDOUT",
      "RequestTimeout",
      "ServiceUnavailable",
      "Timeout",
      "UND_ERR_BODY_TIMEOUT",
      "UND_ERR_CONNECT_TIMEOUT",
      "UND_ERR_HEADERS_TIMEOUT",
      "UND_ERR_SOCKET",
    ],
  ],
];

const CLASS_BY_NAME: ReadonlyMap<string, AwsErrorClass> = new Map(
  NAMES_BY_CLASS.flatMap(([errorClass, names]) => names.map((name) => [name, errorClass] as const)),
);

/** What a status means where the name tells nothing. A bare 404 is no AWS that we know, so it is not "absent". */
const CLASS_BY_STATUS: ReadonlyMap<number, AwsErrorClass> = new Map([
  [400, "invalid"],
  [401, "denied"],
  [403, "denied"],
  [429, "throttled"],
  [502, "unreachable"],
  [503, "unreachable"],
  [504, "unreachable"],
]);

/** Anything that an SDK call or a download threw, as an AwsError of that operation; an AwsError stays what it is. */
export function toAwsError(error: unknown, operation: string): AwsError {
  if (error instanceof AwsError) return error;
  if (error instanceof FencedError)
    return new AwsError({ class: "unreachable", code: "Fenced", operation, message: error.message, cause: error });
  const names = namesOf(error);
  const code = names.find((name) => CLASS_BY_NAME.has(name)) ?? names[0] ?? "Unknown";
  const errorClass = CLASS_BY_NAME.get(code) ?? CLASS_BY_STATUS.get(statusOf(error)) ?? "unexpected";
  return new AwsError({ class: errorClass, code, operation, message: sentence(error, errorClass), cause: error });
}

/** The error's name as metrics count it: AWS's own, or the network's code. */
export function errorCode(error: unknown): string {
  if (!isObject(error)) return "Unknown";
  return typeof error["code"] === "string" ? error["code"] : typeof error["name"] === "string" ? error["name"] : "Unknown";
}

/** A network error's code may sit in a cause below what was thrown. */
function namesOf(error: unknown, depth = 0): string[] {
  if (!isObject(error) || depth > 3) return [];
  const own = [error["name"], error["code"], error["Code"]].filter((name) => typeof name === "string");
  return [...own.map((name) => name.replace(/(?<=.)(Exception|Error|Fault)$/, "")), ...namesOf(error["cause"], depth + 1)];
}

function statusOf(error: unknown): number {
  const metadata = isObject(error) ? error["$metadata"] : undefined;
  const status = isObject(metadata) ? metadata["httpStatusCode"] : undefined;
  return typeof status === "number" ? status : 0;
}

const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi;

/** AWS's own sentence, without what differs between two answers that mean the same: request ids, session names, ports. */
function sentence(error: unknown, errorClass: AwsErrorClass): string {
  const message = isObject(error) && typeof error["message"] === "string" ? error["message"] : "";
  if (errorClass === "unreachable" && statusOf(error) === 0) return "no answer";
  const stable = message
    .replaceAll(/\s*\((Service|Request ?ID)[^)]*\)/gi, "")
    .replaceAll(/(:assumed-role\/[^/\s]+)\/[^\s"]+/g, "$1")
    .replaceAll(UUID, "…")
    .trim();
  return stable === "" ? "no reason given" : stable.slice(0, MAX_MESSAGE);
}

const MAX_MESSAGE = 1024;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
