import { expect, test } from "vitest";
import { buildEgress } from "../../../../src/resources/mesh/istio-egress.ts";
import { testConfig, testService } from "../../../support/effective-services.ts";

const LABEL = "a".repeat(61);
/** As long as DNS allows. */
const longHost = (last: string) => `${LABEL}.${LABEL}.${LABEL}.${"b".repeat(60)}.${last}`;

test("hosts too long for an object's name have objects of their own, whose names are valid", () => {
  const hosts = ["com", "org"].map((last) => ({ host: longHost(last), port: 443 }));
  const entries = buildEgress(testService({ name: "c".repeat(63), spec: { dependencies: { hosts } } }), testConfig()).slice(1);
  const names = entries.map(({ metadata }) => metadata.name);
  expect(new Set(names).size).toBe(2);
  for (const name of names) {
    expect(name.length).toBeLessThanOrEqual(253);
    expect(name).toMatch(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/);
  }
  expect(entries.map(({ spec }) => spec)).toMatchObject(hosts.map(({ host }) => ({ hosts: [host] })));
});

test("a range in upper case, as an earlier schema let it be written, has an object with a valid name", () => {
  const cidrs = [{ cidr: "2001:DB8::/32", port: 443 }];
  const [, entry] = buildEgress(testService({ spec: { dependencies: { cidrs } } }), testConfig());
  expect(entry?.metadata.name).toBe("matching.cidr-2001-db8---32");
});
