import { describe, expect, test } from "vitest";
import { ActionCatalogue } from "../../../emulator/authorization/catalogue.ts";
import { ALL_PROBES } from "../../../emulator/conformance/probes/all.ts";
import { disagreementsWithSdk } from "../../../emulator/models/agreement.ts";
import { compilePattern, loadConstraints } from "../../../emulator/models/constraints.ts";
import { appMeshService } from "../../../emulator/services/appmesh/service.ts";
import { ecrService } from "../../../emulator/services/ecr/service.ts";
import { eksAuthService } from "../../../emulator/services/eks-auth/service.ts";
import { eksService } from "../../../emulator/services/eks/service.ts";
import { iamService } from "../../../emulator/services/iam/service.ts";
import { stsService } from "../../../emulator/services/sts/service.ts";

const SERVICES = [stsService(), iamService(), ecrService(), eksService(), eksAuthService(), appMeshService()];

describe("AWS's models", () => {
  test("botocore's table and the SDK's schemas agree on members and on which are required", () => {
    expect(disagreementsWithSdk()).toEqual([]);
  });

  test("every pattern compiles", () => {
    const patterns = SERVICES.flatMap(({ name }) => Object.values(loadConstraints(name).shapes).flatMap(({ pattern }) => pattern ?? []));
    expect(patterns.map((pattern) => compilePattern(pattern) instanceof RegExp)).not.toContain(false);
  });

  test("every operation is one of AWS's, and IAM's catalogue has its action", () => {
    const catalogue = ActionCatalogue.load();
    for (const { name, operations, schema } of SERVICES) {
      for (const operation of operations.keys()) {
        expect([...schema.operations.keys()]).toContain(operation);
        expect(() => catalogue.keysOf(`${name}:${operation}`)).not.toThrow();
      }
    }
  });

  test("TagRole has no boundary to test, PutRolePolicy has", () => {
    const catalogue = ActionCatalogue.load();
    expect(catalogue.keysOf("iam:TagRole")).not.toContain("iam:permissionsboundary");
    expect(catalogue.keysOf("iam:PutRolePolicy")).toContain("iam:permissionsboundary");
  });
});

test("probes have names of their own", () => {
  const names = ALL_PROBES.map(({ service, operation, name }) => `${service}:${operation} ${name}`);
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
});
