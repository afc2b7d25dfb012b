import { expect, test } from "vitest";
import { reportFailure } from "../../../src/reconcilers/failure.ts";
import { AwsError, KubeError, type AwsErrorClass, type KubeErrorClass } from "../../../src/reconcilers/ports.ts";

/** What a throw becomes: who must act, and on what. */

test.each<readonly [AwsErrorClass, string, string, string]>([
  ["denied", "blocked", "AccessDenied", "grant the operator's role this action"],
  ["invalid", "blocked", "RefusedByAWS", "change what the message names"],
  ["overQuota", "blocked", "QuotaExceeded", "raise the quota of the account"],
  ["throttled", "failed", "Throttled", "retried more slowly"],
  ["unreachable", "failed", "AWSUnreachable", "check the operator's network and DNS towards AWS"],
  ["busy", "failed", "AWSNotConsistentYet", "it is retried"],
  ["absent", "failed", "AWSNotConsistentYet", "it is retried"],
  ["exists", "failed", "AWSNotConsistentYet", "it is retried"],
  ["unexpected", "failed", "AWSError", "it is retried"],
])("what AWS answers that is %s is %s: %s", (errorClass, state, reason, advice) => {
  const report = reportFailure(new AwsError({ class: errorClass, code: "Code", operation: "iam:CreateRole", message: "its own words" }));
  expect(report).toMatchObject({ state, reason });
  expect(report.message).toContain("iam:CreateRole: Code: its own words; ");
  expect(report.message).toContain(advice);
  expect("recheckMs" in report && report.recheckMs).toBe(state === "blocked" ? 30_000 : false);
});

test.each([
  ["appmesh:DescribeMesh", "config/iam/operator-policy-app-mesh.json"],
  ["aps:PutRuleGroupsNamespace", "config/iam/operator-policy-managed-prometheus.json"],
  ["ecr:PutImage", "config/iam/operator-policy.json"],
])("where %s is denied it is %s that the operator's role lacks", (operation, file) => {
  const report = reportFailure(new AwsError({ class: "denied", code: "AccessDenied", operation, message: "not authorized" }));
  expect(report.message).toContain(`(${file})`);
});

test.each<readonly [KubeErrorClass, string, string, string]>([
  ["denied", "blocked", "Forbidden", "grant the operator this in its ClusterRole"],
  ["invalid", "blocked", "RefusedByAPIServer", "change what the message names"],
  ["throttled", "failed", "APIServerError", "it is retried"],
  ["server", "failed", "APIServerError", "it is retried"],
  ["unreachable", "failed", "APIServerError", "it is retried"],
  ["notFound", "failed", "APIServerError", "it is retried"],
  ["alreadyExists", "failed", "APIServerError", "it is retried"],
  ["expired", "failed", "APIServerError", "it is retried"],
  ["unexpected", "failed", "APIServerError", "it is retried"],
])("what the API server answers that is %s is %s: %s", (errorClass, state, reason, advice) => {
  const error = new KubeError({
    class: errorClass,
    status: 500,
    operation: "PATCH services web/web",
    message: "its own words",
    retryAfterMs: 7_000,
  });
  const report = reportFailure(error);
  expect(report).toMatchObject({ state, reason });
  expect(report.message).toContain("PATCH services web/web: its own words; ");
  expect(report.message).toContain(advice);
  expect("retryAfterMs" in report && report.retryAfterMs).toBe(state === "failed" ? 7_000 : false);
});

test("a lost race is no failure: it is read and written again at once", () => {
  const error = new KubeError({ class: "conflict", status: 409, operation: "PATCH services web/web", message: "modified" });
  expect(reportFailure(error)).toEqual({
    state: "progressing",
    reason: "Conflict",
    message: "another writer was faster; read and written again",
    recheckMs: 250,
  });
});
