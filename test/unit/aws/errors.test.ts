import { describe, expect, test } from "vitest";
import { toAwsError } from "../../../src/aws/errors.ts";

const from = (fields: object, message = "no") => toAwsError(Object.assign(new Error(message), fields), "iam:CreateRole");

test.each([
  ["NoSuchEntityException", "absent"],
  ["RepositoryNotFoundException", "absent"],
  ["LifecyclePolicyNotFoundException", "absent"],
  ["EntityAlreadyExistsException", "exists"],
  ["RepositoryAlreadyExistsException", "exists"],
  ["DeleteConflictException", "busy"],
  ["ConcurrentModificationException", "busy"],
  ["ThrottlingException", "throttled"],
  ["TooManyRequestsException", "throttled"],
  ["RequestLimitExceeded", "throttled"],
  ["AccessDenied", "denied"],
  ["AccessDeniedException", "denied"],
  ["UnrecognizedClientException", "denied"],
  ["ExpiredToken", "denied"],
  ["CredentialsProviderError", "denied"],
  ["MalformedPolicyDocumentException", "invalid"],
  ["InvalidParameterException", "invalid"],
  ["ValidationError", "invalid"],
  ["LimitExceededException", "overQuota"],
  ["ServiceFailureException", "unexpected"],
  ["TimeoutError", "unreachable"],
])("%s is %s", (name, errorClass) => {
  expect(from({ name })).toMatchObject({ class: errorClass, operation: "iam:CreateRole" });
});

describe("without a name that is known", () => {
  test.each([
    [{ code: "ECONNREFUSED" }, "unreachable", "ECONNREFUSED"],
    [{ code: "ENOTFOUND" }, "unreachable", "ENOTFOUND"],
    [{ name: "TypeError", cause: { code: "ECONNRESET" } }, "unreachable", "ECONNRESET"],
    [{ name: "BodyTimeoutError", code: "UND_ERR_BODY_TIMEOUT" }, "unreachable", "UND_ERR_BODY_TIMEOUT"],
    [{ name: "Odd", $metadata: { httpStatusCode: 429 } }, "throttled", "Odd"],
    [{ name: "Odd", $metadata: { httpStatusCode: 403 } }, "denied", "Odd"],
    [{ name: "Odd", $metadata: { httpStatusCode: 503 } }, "unreachable", "Odd"],
    [{ name: "Odd", $metadata: { httpStatusCode: 500 } }, "unexpected", "Odd"],
    [{ name: "Odd", $metadata: { httpStatusCode: 404 } }, "unexpected", "Odd"],
  ])("%j is %s", (fields, errorClass, code) => {
    expect(from(fields)).toMatchObject({ class: errorClass, code });
  });

  test("something thrown that is no error is unexpected", () => {
    expect(toAwsError("no", "iam:GetRole")).toMatchObject({ class: "unexpected", code: "Unknown" });
  });
});

describe("a message", () => {
  test("is AWS's own", () => {
    expect(from({ name: "NoSuchEntityException" }, "The role with name x cannot be found.").message).toBe(
      "The role with name x cannot be found.",
    );
  });

  test("has no request id", () => {
    const said = "not found (Service: AmazonECR; Status Code: 400; Request ID: 8d1e2c4a-0000-4000-8000-0123456789ab; Proxy: null)";
    expect(from({ name: "RepositoryNotFoundException" }, said).message).toBe("not found");
  });

  test("has no session name, which changes with every restart", () => {
    const said = "User: arn:aws:sts::1:assumed-role/operator/aws-sdk-js-session-1763942400000 is not authorized to perform: iam:CreateRole";
    expect(from({ name: "AccessDenied" }, said).message).toBe(
      "User: arn:aws:sts::1:assumed-role/operator is not authorized to perform: iam:CreateRole",
    );
  });

  test("does not name the port that a connection was refused on", () => {
    expect(from({ code: "ECONNREFUSED" }, "connect ECONNREFUSED 127.0.0.1:40123").message).toBe("no answer");
  });
});

test("what is an AwsError already stays what it is", () => {
  const error = from({ name: "NoSuchEntityException" });
  expect(toAwsError(error, "iam:GetRole")).toBe(error);
});
