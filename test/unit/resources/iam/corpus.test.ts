import { describe, expect, test } from "vitest";
import { z } from "zod";
import { actionsMatching, type CatalogueAction } from "../../../../src/resources/iam/catalogue.ts";
import { LETTING_IN, TAKEOVERS } from "../../../../src/resources/iam/escalation-paths.ts";
import { PASS, readCorpus, REFUSED, violationsOf } from "../../../support/policy-corpus.ts";

/** What is said of the policies of test/corpus. */

function reasons(policy: Parameters<typeof violationsOf>[0]): readonly string[] {
  return violationsOf(policy).map(({ reason }) => reason);
}

test("the corpora are as large as they are said to be, and no name is there twice", () => {
  expect(REFUSED.length).toBeGreaterThanOrEqual(60);
  expect(PASS.length).toBeGreaterThanOrEqual(40);
  const names = [...PASS, ...REFUSED].map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

describe("passes", () => {
  test.each(PASS.map((one) => [one.name, one] as const))("%s", (_, policy) => {
    expect(reasons(policy)).toEqual([]);
  });
});

describe("is refused", () => {
  test.each(REFUSED.map((one) => [one.name, one] as const))("%s", (_, policy) => {
    expect(new Set(reasons(policy))).toEqual(new Set([policy.rule, ...policy.also]));
  });
});

test("every way to more rights is an action that AWS has", () => {
  expect([...TAKEOVERS, ...LETTING_IN].filter((action) => actionsMatching(action)[0]?.name !== action)).toEqual([]);
});

describe("every action of AWS's that is called as if it gave credentials, or changed what runs,", () => {
  const judged = z.array(
    z.strictObject({
      why: z.string().min(1),
      actions: z.string().transform((names) => names.trim().split(/\s+/)),
    }),
  );
  const HARMLESS = readCorpus("actions-that-take-nothing-over.yaml", judged).flatMap(({ actions }) => actions);
  const ENDS_OR_TELLS = /^(Cancel|Delete|Describe|Disassociate|List|Revoke|Stop|Tag|Terminate|Untag)/;
  const GIVES =
    /Credential|Access(Key|Details)|A(pi|PI)Key|Token|Password|Secret|Login|JobDetails|Upload(U[Rr][Ll]|Credentials)|Presigned|Session|SendCommand|Exec|RunCommand|Shell|S(SH|sh)|Assume|Impersonat|Federat|InstanceAccess|StreamingURL|UnlockCode|Challenge|^Poll/;
  const CHANGES =
    /^(Update|Start|Run|Send|Submit|Publish)\w*(Code|Deployment|Canary|StateMachine|Notebook|Environment|Function|Pipeline|Build|Command|JobRun|Sandbox|Script)$|^Create\w*(Deployment|ApplicationVersion)$/;
  const suspicious = actionsMatching("*").filter(({ name }) => {
    const [, call = ""] = name.split(":");
    return !ENDS_OR_TELLS.test(call) && (GIVES.test(call) || CHANGES.test(call));
  });

  /** ARNs that the templates stand for; a template of the catalogue may hold two. */
  const own = (templates: readonly string[]) =>
    templates.flatMap((template) => template.match(/arn:[^\s,]+/g) ?? []).map((template) => template.replaceAll(/\$\{\w+\}/g, filled));
  const filled = (variable: string) => FIELDS.get(variable) ?? "x";
  const FIELDS = new Map([
    ["${Partition}", "aws"],
    ["${Region}", "eu-west-1"],
    ["${Account}", "111122223333"],
  ]);

  /** Not those that would say no more than that the statement is written badly here. */
  const REFUSING = new Set(["AccountWideWrite", "IdentityAction", "PermissionsManagement", "TakesOver"]);
  const passes = ({ name, arns }: CatalogueAction) => {
    const resources = arns.length === 0 ? ["*"] : [...new Set(own(arns))];
    const statements = [{ sid: "A", effect: "Allow" as const, actions: [name], resources }];
    return !reasons({ statements, tenancy: ["arn:aws:*:*:*:*"], trustedAccounts: [] }).some((reason) => REFUSING.has(reason));
  };

  test("is refused where a policy has nothing else, on the action's own ARN, or is known to be harmless", () => {
    expect(suspicious.length).toBeGreaterThan(500);
    expect(
      suspicious
        .filter(passes)
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(HARMLESS.toSorted());
  });
});
