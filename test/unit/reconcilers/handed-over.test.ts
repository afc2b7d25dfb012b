import { beforeEach, describe, expect, test } from "vitest";
import { servicePass, type ServicePass } from "../../support/service-pass.ts";

/** The first pass of a process that has read all roles and repositories at once: what it asks AWS of by itself all the same. */

let it: ServicePass;
beforeEach(async () => {
  it = servicePass();
  it.allDesired();
  // The second finds in the status what the first has seen.
  await it.pass();
  await it.pass();
});

async function asked(): Promise<readonly string[]> {
  it.handedOver();
  it.calls();
  await it.pass();
  return it.calls();
}

test("nothing, of a service that was as its spec has it and runs", async () => {
  for (const type of ["IdentityReady", "RepositoryReady", "ImageResolved", "WorkloadReady"]) expect(it.condition(type)).toMatch(/^True /);
  const before = it.status();
  expect(await asked()).toEqual([]);
  expect(it.status()).toEqual(before);
});

test("nothing, of one that is suspended: it was only looked at, and is not taken for resumed", async () => {
  it.change({ spec: { suspend: true }, generation: 2 });
  await it.pass();
  expect(await asked()).toEqual([]);
  expect(it.status().conditions).toEqual(expect.arrayContaining([expect.objectContaining({ type: "Ready", reason: "Suspended" })]));
  it.change({ spec: { suspend: false }, generation: 3 });
  expect(await asked()).toEqual(expect.arrayContaining(["observe Role", "observe Repository"]));
});

describe("of a role", () => {
  test("whose spec has changed since, as by the longest session alone, of which no bulk read tells", async () => {
    it.change({ spec: { aws: { maxSessionDuration: "4h" } }, generation: 2 });
    expect(await asked()).toContain("observe Role");
    expect(await asked()).not.toContain("observe Role");
  });

  test("that was deleted and made again", async () => {
    it.remade("Role");
    expect(await asked()).toEqual(["observe Role"]);
    expect(await asked()).toEqual([]);
  });

  test("that was not yet as its spec has it", async () => {
    it.holds.Role = "stuck";
    it.change({ spec: { aws: { maxSessionDuration: "4h" } }, generation: 2 });
    it.handedOver();
    await it.pass();
    expect(it.condition("IdentityReady")).toMatch(/^(False|Unknown) /);
    it.holds.Role = "desired";
    expect(await asked()).toContain("observe Role");
  });

  test("whose spec is again what it was, after another that nobody has told the end of", async () => {
    it.change({ generation: 3 });
    expect(await asked()).toContain("observe Role");
  });
});

describe("of a repository and its image", () => {
  test("that are of another spec than the one seen", async () => {
    it.change({ spec: { image: { tag: "1.0.1" } }, generation: 2 });
    expect(await asked()).toEqual(expect.arrayContaining(["observe Repository", "resolve image"]));
  });

  test("that was deleted and made again: its images went with it", async () => {
    it.remade("Repository");
    expect(await asked()).toEqual(["observe Repository", "observe kept images", "resolve image"]);
    expect(await asked()).toEqual([]);
  });

  test("which images are kept, while it is not rolled out whole", async () => {
    it.rolledOut(false);
    const calls = await asked();
    expect(calls).toContain("observe kept images");
    expect(calls).not.toContain("resolve image");
    expect(calls).not.toContain("observe Repository");
  });
});
