import { CreateRuleGroupsNamespaceCommand, DescribeRuleGroupsNamespaceCommand, type AmpClient } from "@aws-sdk/client-amp";

/** A workspace of Amazon Managed Service for Prometheus, and what is in it as somebody else sees it. */

export const WORKSPACE = "arn:aws:aps:eu-west-1:111122223333:workspace/ws-demo";

/** Of the configuration: rules go there. */
export const TO_WORKSPACE = { slos: { delivery: "AmazonManagedPrometheus", workspaceArn: WORKSPACE } } as const;

/** What a squad writes. */
export const SLOS = { port: 8080, slos: [{ name: "availability", objective: "99.9", indicator: "availability" }] } as const;

function namesOf(whole: string): { readonly workspaceId: string; readonly name: string } {
  const [workspaceId = "", name = ""] = whole.split("/");
  return { workspaceId, name };
}

/** Rules, tags and status of `workspaceId/name`; undefined: it is not there. */
export async function rulesIn(
  amp: AmpClient,
  whole: string,
): Promise<{ readonly data: string; readonly tags: object; readonly status: string } | undefined> {
  try {
    const { ruleGroupsNamespace: found } = await amp.send(new DescribeRuleGroupsNamespaceCommand(namesOf(whole)));
    return { data: new TextDecoder().decode(found?.data), tags: found?.tags ?? {}, status: found?.status?.statusCode ?? "" };
  } catch (error) {
    if (error instanceof Error && error.name === "ResourceNotFoundException") return undefined;
    throw error;
  }
}

/** Rules of somebody else's of that name. */
export async function makeForeignRules(amp: AmpClient, whole: string): Promise<void> {
  await amp.send(new CreateRuleGroupsNamespaceCommand({ ...namesOf(whole), data: new TextEncoder().encode("groups: []\n") }));
}
