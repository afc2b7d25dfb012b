import { readFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { startEnvironment, type Environment } from "../../src/cli/environment.ts";
import { launchOperator, type OperatorProcess } from "../../src/cli/operator-process.ts";
import { installRollouts } from "../support/argo-rollouts.ts";
import { auditEvents, OPERATOR_USER, type AuditEvent } from "../support/audit-log.ts";
import { operatorRoles, type Rule } from "../support/operator-roles.ts";
import { platformOf, serviceOf, type Platform } from "../support/platform.ts";
import { tally } from "../support/tally.ts";

/** Each rule of the operator's roles is needed: without it the API server refuses something that the operator is at, and it says so. The rules of its IAM policy: test/unit/aws/grants.test.ts. */

const ROLES = await operatorRoles();
const RULES = ROLES.flatMap((role) =>
  role.rules.map((rule) => ({ role, rule, words: `${rule.verbs.join(", ")} of ${rule.resources.join(", ")}` })),
);
const NAMESPACE = "rights-removed";
/** Whose pods somebody scales down. */
const SCALED = { namespace: NAMESPACE, name: "scaled" };
const PATIENCE_MS = 60_000;

let environment: Environment;
let platform: Platform;
let operator: OperatorProcess | undefined;
let made = 0;

beforeAll(async () => {
  environment = await startEnvironment({ audit: true, log: () => undefined });
  platform = platformOf(environment);
  await installRollouts(platform.kubectl);
  await platform.namespace(NAMESPACE);
  await platform.ready(SCALED, { scaling: { minReplicas: 2, maxReplicas: 2 } });
  await environment.operator.stop();
});

afterEach(async () => {
  await operator?.stop();
  for (const role of ROLES) await platform.apply(role);
});

afterAll(async () => {
  await platform.close();
  await environment.stop();
});

test.each(RULES)("without $words", async ({ role, rule }) => {
  await platform.apply({ ...role, rules: role.rules.filter((other) => other !== rule) });
  const { plane, configFile, operatorKubeconfig: kubeconfig, emulator } = environment;
  // Where there is none it is created.
  await platform.kubectl(["delete", "lease", "platform-operator", "-n", "platform-system", "--ignore-not-found"]);
  made++;
  const name = `without-${String(made)}`;
  const since = Date.now();
  operator = await launchOperator({ dir: plane.dir, configFile, kubeconfig, awsEndpoint: emulator.url, name });
  await platform.kubectl(["scale", `deployment/${SCALED.name}`, "--replicas=1", "-n", NAMESPACE]);
  await platform.apply(serviceOf({ namespace: NAMESPACE, name }));
  const misses = async (): Promise<void> => {
    expect(await auditEvents(platform.info.auditLogFile, (event) => isRefusal(event, since, rule))).not.toEqual([]);
    expect(await said(operator)).toMatch(/forbidden/i);
  };
  await vi.waitFor(misses, { timeout: PATIENCE_MS, interval: 200 });
  tally({ what: "rules taken from the operator's roles, and missed", tried: 1, held: 1 });
});

/** Something that the rule would allow was refused to the operator. */
function isRefusal({ user, responseStatus, requestReceivedTimestamp, verb, objectRef }: AuditEvent, since: number, rule: Rule): boolean {
  if (user.username !== OPERATOR_USER || responseStatus?.code !== 403 || Date.parse(requestReceivedTimestamp) < since) return false;
  const { apiGroup = "", resource = "", subresource } = objectRef ?? {};
  const written = subresource === undefined ? resource : `${resource}/${subresource}`;
  return rule.apiGroups.includes(apiGroup) && rule.resources.includes(written) && rule.verbs.includes(verb);
}

/** To people: its log, what it is not ready for, and what its services' conditions say. */
async function said(process: OperatorProcess | undefined): Promise<string> {
  if (process === undefined) return "";
  const [log, readiness] = await Promise.all([readFile(process.logFile, "utf8"), fetch(`${process.telemetryUrl}/readyz`)]);
  return [
    log,
    await readiness.text(),
    await platform.kubectl(["get", "psvc", "-n", NAMESPACE, "-o", "jsonpath={.items[*].status.conditions}"]),
  ].join("\n");
}
