import { beforeEach, expect, test } from "vitest";
import { servicePass, type ServicePass } from "../../support/service-pass.ts";

/** The first pass of a process that has read all roles at once: which role it reads by itself all the same. */

let it: ServicePass;
beforeEach(async () => {
  it = servicePass();
  it.allDesired();
  await it.pass();
});

async function readByItself(): Promise<boolean> {
  it.handedOver();
  it.calls();
  await it.pass();
  return it.calls().includes("observe Role");
}

test("none that was as its spec has it", async () => {
  expect(it.condition("IdentityReady")).toMatch(/^True /);
  expect(await readByItself()).toBe(false);
});

test("one whose spec has changed since, as by the longest session alone, of which no bulk read tells", async () => {
  it.change({ spec: { aws: { maxSessionDuration: "4h" } }, generation: 2 });
  expect(await readByItself()).toBe(true);
  expect(await readByItself()).toBe(false);
});

test("one that was not yet as its spec has it", async () => {
  it.holds.Role = "stuck";
  it.change({ spec: { aws: { maxSessionDuration: "4h" } }, generation: 2 });
  it.handedOver();
  await it.pass();
  expect(it.condition("IdentityReady")).toMatch(/^(False|Unknown) /);
  it.holds.Role = "desired";
  expect(await readByItself()).toBe(true);
});
