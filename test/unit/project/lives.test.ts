import { expect, test } from "vitest";
import { LIVES } from "../../support/life-specs.ts";
import { serviceOf } from "../../support/platform.ts";
import { leavesOf } from "../../support/schema-leaves.ts";

/** The lives that are lived under faults change every field that a service has, but for those that are named here. */

/** Each with where it changes instead. */
const NOT_LIVED: Readonly<Record<string, string>> = {
  suspend: "nothing would be written: test/operator/suspend.test.ts",
  "image.repository": "the repository of before is left: test/operator/brownfield.test.ts",
  "image.repositoryMode": "another's repository: test/operator/brownfield.test.ts",
  "image.digest": "in place of the tag: test/operator/ready.test.ts",
  "workloadRef.apiVersion": "another's workload: test/operator/workload-ref.test.ts",
  "workloadRef.kind": "another's workload: test/operator/workload-ref.test.ts",
  "workloadRef.name": "another's workload: test/operator/workload-ref.test.ts",
  "aws.existingRole": "another's role: test/operator/brownfield.test.ts",
  "dependencies.services[].name": "another service agrees to it: test/operator/agreement.test.ts",
  "dependencies.services[].namespace": "another service agrees to it: test/operator/agreement.test.ts",
  "dependencies.kubernetesServices[].name": "another's Service: test/integration/builders.test.ts",
  "dependencies.kubernetesServices[].namespace": "another's Service: test/integration/builders.test.ts",
  "dependencies.kubernetesServices[].port": "another's Service: test/integration/builders.test.ts",
};

test("a life in Istio changes every field of the schema", () => {
  const { born, changed, retiered } = LIVES.life;
  const before = leafValues(specOf(born));
  const after = leafValues(specOf({ ...changed, ...retiered }));
  const unchanged = leavesOf("platformservices")
    .map(({ path }) => path)
    .filter((path) => JSON.stringify(before.get(path)) === JSON.stringify(after.get(path)) && !(path in NOT_LIVED));
  expect(unchanged).toEqual([]);
});

test("no field is excused that a life changes, and none that there is not", () => {
  const values = leafValues(specOf(LIVES.life.changed));
  const known = new Set(leavesOf("platformservices").map(({ path }) => path));
  expect(Object.keys(NOT_LIVED).filter((path) => values.has(path) || !known.has(path))).toEqual([]);
});

function specOf(spec: object): unknown {
  const service = serviceOf({ namespace: "life", name: "api" }, spec);
  return "spec" in service ? service.spec : undefined;
}

/** Every value by the path of its leaf, as `routes[].name`. */
function leafValues(value: unknown): ReadonlyMap<string, readonly unknown[]> {
  return Map.groupBy(leaves(value, ""), ([path]) => path);
}

function* leaves(value: unknown, path: string): Generator<readonly [string, unknown]> {
  if (Array.isArray(value)) for (const item of value) yield* leaves(item, `${path}[]`);
  else if (typeof value === "object" && value !== null)
    for (const [name, inner] of Object.entries(value)) yield* leaves(inner, path === "" ? name : `${path}.${name}`);
  else yield [path, value];
}
