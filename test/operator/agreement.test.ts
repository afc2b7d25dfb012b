import { afterAll, beforeAll, expect, test } from "vitest";
import { condition, isReady } from "../../src/cli/service-watch.ts";
import type { ObjectKey } from "../../src/crds/meta.ts";
import { PATIENCE_MS, sharedPlatform, type Platform } from "../support/platform.ts";

/** A callee's file decides who may call it; a caller's file opens its own way out; each is told when the other's does not match. */

const CALLER: ObjectKey = { namespace: "agreement-caller", name: "caller" };
const CALLEE: ObjectKey = { namespace: "agreement-callee", name: "callee" };
const DEPENDS = { dependencies: { services: [{ name: CALLEE.name, namespace: CALLEE.namespace }] } };
const GRANTS = { callers: { services: [{ name: CALLER.name, namespace: CALLER.namespace }] } };

interface Authorization {
  readonly spec: {
    readonly rules?: readonly { readonly from?: readonly { readonly source: { readonly principals?: readonly string[] } }[] }[];
  };
}

interface Policy {
  readonly spec: { readonly egress?: readonly { readonly ports?: readonly { readonly port: number }[] }[] };
}

let platform: Platform;

/** Beside the port, since this configuration also has namespaces in the ambient data plane. */
const HBONE = 15008;

beforeAll(async () => {
  platform = sharedPlatform();
  for (const { namespace } of [CALLER, CALLEE]) await platform.namespace(namespace);
});

afterAll(async () => {
  await platform.close();
});

async function principals(): Promise<readonly string[]> {
  const policy = await platform.get<Authorization>(CALLEE.namespace, "authorizationpolicy/callee");
  return (policy?.spec.rules ?? []).flatMap((r) => r.from ?? []).flatMap((f) => f.source.principals ?? []);
}

async function waysOut(): Promise<readonly number[]> {
  const policy = await platform.get<Policy>(CALLER.namespace, "networkpolicy/caller-dependencies");
  return (policy?.spec.egress ?? []).flatMap((rule) => rule.ports ?? []).map(({ port }) => port);
}

test("a dependency that does not exist, then is not granted, then is: the caller is told each time whose file needs what, and stays Ready", async () => {
  await platform.ready(CALLER, DEPENDS);
  const absent = await platform.untilCondition(CALLER, "DependenciesGranted", "False", "NotFound");
  expect(condition(absent, "DependenciesGranted")?.message).toBe(
    "PlatformService agreement-callee/callee does not exist: create it, or remove it from spec.dependencies.services",
  );
  expect(isReady(absent)).toBe(true);
  expect(condition(absent, "Stalled")).toBeUndefined();

  await platform.ready(CALLEE, { port: 9000 });
  const ungranted = await platform.untilCondition(CALLER, "DependenciesGranted", "False", "NotGranted");
  expect(condition(ungranted, "DependenciesGranted")?.message).toBe(
    "agreement-callee/callee does not let this service call: its file needs { name: caller, namespace: agreement-caller } in spec.callers.services",
  );
  expect(isReady(ungranted)).toBe(true);
  expect(await principals()).toEqual([]);

  await platform.applyService(CALLEE, { port: 9000, ...GRANTS });
  await platform.untilCondition(CALLER, "DependenciesGranted", "True", "Granted");
  await expect.poll(principals, { timeout: PATIENCE_MS }).toEqual(["cluster.local/ns/agreement-caller/sa/caller"]);
  await expect.poll(waysOut, { timeout: PATIENCE_MS }).toEqual([9000, HBONE]);
});

test("a callee that moves its port takes its callers' way out along", async () => {
  await platform.applyService(CALLEE, { port: 9001, ...GRANTS });
  await expect.poll(waysOut, { timeout: PATIENCE_MS }).toEqual([9001, HBONE]);
});

test("a grant that is taken back closes the door and is told to the caller", async () => {
  await platform.applyService(CALLEE, { port: 9001 });
  await platform.untilCondition(CALLER, "DependenciesGranted", "False", "NotGranted");
  await expect.poll(principals, { timeout: PATIENCE_MS }).toEqual([]);
});

test("two hundred dependencies that nobody has granted are said as far as a status takes them, and keep the service from nothing", async () => {
  const many: ObjectKey = { namespace: CALLER.namespace, name: "many" };
  const names = Array.from({ length: 200 }, (_, i) => `absent-${String(i).padStart(48, "0")}`);
  await platform.ready(many, { dependencies: { services: names.map((name) => ({ name, namespace: "agreement-nowhere" })) } });
  const told = await platform.untilCondition(many, "DependenciesGranted", "False", "NotFound");
  const message = condition(told, "DependenciesGranted")?.message ?? "";
  const said = names.filter((name) => message.includes(`PlatformService agreement-nowhere/${name} does not exist: create it`));
  expect(said).toEqual(names.slice(0, said.length));
  expect(message.endsWith(`; and ${names.length - said.length} more`)).toBe(true);
});

test("a callee that is deleted is missing again", async () => {
  await platform.kubectl(["delete", "psvc", CALLEE.name, "-n", CALLEE.namespace, "--timeout=60s"]);
  expect(isReady(await platform.untilCondition(CALLER, "DependenciesGranted", "False", "NotFound"))).toBe(true);
});
