import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import type { KubeObject } from "../../../../src/crds/desired.ts";
import { ruleGroupsOf } from "../../../../src/resources/slo/prometheus-rule.ts";
import { buildRuleObject, buildRulesNamespace, rulesNamespaceName } from "../../../../src/resources/slo/rule-file.ts";
import { SLOS, TO_WORKSPACE } from "../../../support/aws/managed-prometheus.ts";
import { operatorConfig } from "../../../support/aws/operator-config.ts";
import { service } from "../../../support/aws/service.ts";

/** The rules of SLOs as a file: what Prometheus reads in it, where it goes, and that it has room there. */

const KEY = { namespace: "tracking", name: "api" };
const TO_CONFIG_MAP = operatorConfig(undefined, { slos: { delivery: "ConfigMap", ruleLabels: { load: "yes" } } });
const TO_AMAZON = operatorConfig(undefined, TO_WORKSPACE);

function filesOf(object: KubeObject | undefined): Readonly<Record<string, string>> {
  return z.object({ data: z.record(z.string(), z.string()) }).parse(object).data;
}

describe("a ConfigMap", () => {
  const object = buildRuleObject(service(SLOS, KEY), TO_CONFIG_MAP);

  test("is named after the service, is found by its labels, and holds one file that no other service's is called as", () => {
    expect(object).toMatchObject({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: {
        name: "api-slos",
        namespace: "tracking",
        labels: { load: "yes", "app.kubernetes.io/managed-by": "platform-operator", "platform-operator.dev/service": "api" },
      },
    });
    expect(Object.keys(filesOf(object))).toEqual(["tracking.api.rules.yaml"]);
  });

  test("holds the rules that a PrometheusRule would", () => {
    const read: unknown = parse(filesOf(object)["tracking.api.rules.yaml"] ?? "");
    expect(read).toEqual({ groups: JSON.parse(JSON.stringify(ruleGroupsOf(service(SLOS, KEY), TO_CONFIG_MAP))) });
  });

  test("reads the same by either version of YAML, whatever the names look like", () => {
    const owners = ["on", "y", "no", "null", "017", "0o17", "0x1f", "0b1", "1e3", "123", "2026-11-25"];
    for (const owner of owners) {
      const of = service({ ...SLOS, owner }, KEY);
      const file = filesOf(buildRuleObject(of, TO_CONFIG_MAP))["tracking.api.rules.yaml"] ?? "";
      const [one, other] = (["1.1", "1.2"] as const).map((version): unknown => parse(file, { version }));
      expect(one).toEqual({ groups: JSON.parse(JSON.stringify(ruleGroupsOf(of, TO_CONFIG_MAP))) });
      expect(other).toEqual(one);
    }
  });

  test("is not there without SLOs", () => {
    expect(buildRuleObject(service({ port: 8080 }, KEY), TO_CONFIG_MAP)).toBeUndefined();
    expect(buildRulesNamespace(service({ port: 8080 }, KEY), TO_AMAZON)).toBeUndefined();
  });
});

test("Amazon Managed Service for Prometheus gets the same file, and the cluster nothing", () => {
  const of = service(SLOS, KEY);
  expect(buildRuleObject(of, TO_AMAZON)).toBeUndefined();
  expect(buildRulesNamespace(of, TO_AMAZON)).toMatchObject({
    name: "ws-demo/eu-west-1.demo.tracking.api",
    owner: KEY,
    data: filesOf(buildRuleObject(of, TO_CONFIG_MAP))["tracking.api.rules.yaml"],
  });
  expect(buildRulesNamespace(of, TO_CONFIG_MAP)).toBeUndefined();
});

test("as many SLOs as a service may have fit in: 1 MiB in etcd, 1 MB in Amazon Managed Service for Prometheus, and twenty rules in a group", () => {
  const name = (index: number): string => `${"n".repeat(62)}${String(index)}`;
  const slos = Array.from({ length: 8 }, (_, index) => ({ ...SLOS.slos[0], name: name(index) }));
  const url = `https://example.com/${"x".repeat(1004)}`;
  const config = operatorConfig(undefined, { slos: { ...TO_WORKSPACE.slos, runbookUrl: url, dashboardUrl: url } });
  const of = service({ port: 8080, slos, owner: "o".repeat(63) }, { namespace: "n".repeat(63), name: "s".repeat(50) });
  expect(buildRulesNamespace(of, config)?.data.length).toBeLessThan(500_000);
  for (const { rules } of ruleGroupsOf(of, config)) expect(rules.length).toBeLessThanOrEqual(20);
});

describe("the name in a workspace", () => {
  const label = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
  const of = (cluster: string, namespace: string, name: string): string => {
    const config = operatorConfig(undefined, { ...TO_WORKSPACE, cluster: { ...operatorConfig().cluster, name: cluster } });
    return rulesNamespaceName({ namespace, name }, config)?.replace("ws-demo/", "") ?? "";
  };

  test("is one that Amazon takes, and begins as the operator's policy says", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9A-Za-z][A-Za-z0-9_-]{0,95}$/), label, label, (cluster, namespace, name) => {
        const found = of(cluster, namespace, name);
        expect(found).toMatch(/^[0-9A-Za-z][-.0-9A-Z_a-z]{0,127}$/);
        expect(found.startsWith(`eu-west-1.${cluster}.`.slice(0, 111))).toBe(true);
      }),
    );
  });

  test("is no other service's, where it is cut too", () => {
    const [a, b] = ["a", "b"].map((end) => of("c".repeat(90), "n".repeat(60), `${"s".repeat(40)}${end}`));
    expect(a).toHaveLength(128);
    expect(a).not.toBe(b);
  });

  test("is none without a workspace", () => {
    expect(rulesNamespaceName(KEY, operatorConfig())).toBeUndefined();
  });
});
