import { expect, test } from "vitest";
import { z } from "zod";
import { keyString } from "../../src/crds/meta.ts";
import { buildRuleObject } from "../../src/resources/slo/rule-file.ts";
import { testConfig, testService } from "../support/effective-services.ts";
import { sampleServices } from "../support/oracles/every-service.ts";
import { checkRuleFile } from "../support/slo/promtool.ts";

/** The rule file that a ConfigMap or Amazon Managed Service for Prometheus gets, as Prometheus reads it. */

const config = testConfig({ slos: { delivery: "ConfigMap" } });
const FILES = sampleServices().flatMap(({ metadata: { name, namespace }, spec }) => {
  const service = testService({ name, namespace, spec, config });
  const { data = {} } = z.object({ data: z.record(z.string(), z.string()).optional() }).parse(buildRuleObject(service, config) ?? {});
  return Object.values(data).map((file) => [keyString(service.key), file] as const);
});

test.each(FILES)("that of %s is one without a fault", async (_, file) => {
  expect(await checkRuleFile(file)).toBe("");
});
