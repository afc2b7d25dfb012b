import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Statement } from "../../../../src/crds/platform-service.ts";
import { actionsMatching } from "../../../../src/resources/iam/catalogue.ts";
import { ENDINGS, REVIEWED_PRINCIPALS, servicesThatUse } from "../../../../src/resources/iam/escalation-paths.ts";
import { isIdentityName } from "../../../../src/resources/iam/rules/actions.ts";
import { passedAndRun } from "../../../../src/resources/iam/rules/escalation.ts";

/** A role that may be passed is not used by an action of whatever service: whom a principal belongs to is a reviewed table's to say, and never its name's. */

const serviceOf = (action: string) => action.slice(0, action.indexOf(":"));
const RUNNING = actionsMatching("*")
  .filter(({ name, access }) => access.includes("Write") && !ENDINGS.test(name) && !isIdentityName(name))
  .map(({ name }) => name);
const SERVICES = [...new Set(RUNNING.map(serviceOf))];

const passing = (...principals: readonly string[]): Statement => ({
  sid: "Pass",
  effect: "Allow",
  actions: ["iam:PassRole"],
  resources: ["arn:aws:iam::111122223333:role/reports"],
  conditions: [{ operator: "StringEquals", key: "iam:PassedToService", values: [...principals] }],
});
const running = (action: string): Statement => ({ sid: "Run", effect: "Allow", actions: [action], resources: ["*"] });
const isRefused = (principals: readonly string[], action: string) => passedAndRun([passing(...principals), running(action)]).length > 0;

const known = fc.constantFrom(...REVIEWED_PRINCIPALS);
/** Names that look like one that was reviewed, that every object has, or that are anything. */
const label = fc.oneof(
  fc.constantFrom(...SERVICES),
  fc.tuple(known, fc.constantFrom("-env", "-tasks", "2", ".beta")).map(([name, end]) => `${name}${end}`),
  fc.tuple(fc.constantFrom("edge", "x.", "my-"), known).map(([start, name]) => `${start}${name}`),
  fc.constantFrom("constructor", "__proto__", "hasOwnProperty", "eks-fargate-pods", "airflow-env", "edgelambda", "spotfleet", "spot"),
  fc.stringMatching(/^[a-z][a-z0-9.-]{0,30}$/),
);
const domain = fc.constantFrom(
  ".amazonaws.com",
  ".amazonaws.com.cn",
  ".eu-west-1.amazonaws.com",
  ".us-gov-west-1.amazonaws.com",
  ".aws.internal",
  "",
);
const stranger = fc
  .tuple(label, domain)
  .filter(([name]) => !REVIEWED_PRINCIPALS.includes(name))
  .map((parts) => parts.join(""));
const action = fc.constantFrom(...RUNNING);

test("no principal outside the reviewed table lets iam:PassRole stand beside a running action of any service", () => {
  fc.assert(
    fc.property(stranger, action, (principal, run) => {
      expect(isRefused([principal], run)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test("nor does it beside one that was reviewed", () => {
  fc.assert(
    fc.property(known, stranger, action, (reviewed, principal, run) => {
      expect(isRefused([`${reviewed}.amazonaws.com`, principal], run)).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test("what looks like a region is not taken for one: the name before it is what was reviewed", () => {
  expect(servicesThatUse("states.eu-west-1.amazonaws.com")).toEqual(["states"]);
  expect(["states.beta.amazonaws.com", "eu-west-1.states.amazonaws.com", "states.eu-west-1.aws.internal"].map(servicesThatUse)).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
});

describe("a principal that was reviewed", () => {
  test("is used by services that AWS has, and by that of its name if there is one", () => {
    for (const principal of REVIEWED_PRINCIPALS) {
      const users = servicesThatUse(`${principal}.amazonaws.com`) ?? [];
      expect(users.filter((service) => !SERVICES.includes(service))).toEqual([]);
      expect(users.includes(principal) || !SERVICES.includes(principal)).toBe(true);
    }
  });

  test("is refused beside what those start, and passes beside what others do", () => {
    const oneOfEach = [...new Map(RUNNING.map((run) => [serviceOf(run), run])).values()];
    for (const principal of REVIEWED_PRINCIPALS) {
      const users = servicesThatUse(`${principal}.amazonaws.com`) ?? [];
      const beside = oneOfEach.filter((run) => isRefused([`${principal}.amazonaws.com`], run));
      expect(beside).toEqual(oneOfEach.filter((run) => users.includes(serviceOf(run))));
    }
  });
});

describe("the message", () => {
  const told = (principal: string, run: string) =>
    passedAndRun([passing(principal), running(run)]).map(({ violation }) => violation.message);
  const rest =
    "together they run something with the rights of the role that is passed; keep the one that the service needs while it runs and let a pipeline do the other, or ask the platform team for a waiver of both statements";

  test("says why the action of a service counts that the principal does not look to be of", () => {
    expect(told("airflow-env.amazonaws.com", "airflow:CreateEnvironment")).toEqual([
      `statement Run grants airflow:CreateEnvironment, and statement Pass iam:PassRole to airflow-env.amazonaws.com, whose roles any service may use for all that is known here: ${rest}`,
    ]);
  });

  test("says no more than it must where the principal has the service's name", () => {
    expect(told("codebuild.amazonaws.com", "codebuild:CreateProject")).toEqual([
      `statement Run grants codebuild:CreateProject, and statement Pass iam:PassRole: ${rest}`,
    ]);
  });
});
