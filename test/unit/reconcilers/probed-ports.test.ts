import { describe, expect, test } from "vitest";
import { probedPorts } from "../../../src/reconcilers/platform-service/network-policy.ts";
import { testService } from "../../support/effective-services.ts";
import { broughtState, deploymentState, podState } from "../../support/workload-states.ts";

/** At which ports the kubelet asks, or is about to: in the ambient data plane a policy has to let it in there. */

const REF = { apiVersion: "apps/v1", kind: "Deployment", name: "legacy" } as const;

describe("what is open to the kubelet", () => {
  const templates = [deploymentState({ probedPorts: [8080] })];
  const NOTHING = { workload: () => undefined, templates: () => [], pods: () => [] };

  test("is nothing beside the file where nothing runs", () => {
    expect(probedPorts({ service: testService({}), world: NOTHING })).toEqual([]);
  });

  test("is what a workload that is brought asks for, before anything of the service's is written into it", () => {
    const service = testService({ spec: { image: {}, workloadRef: REF } });
    const seen: object[] = [];
    const workload = (ref: object) => {
      seen.push(ref);
      return broughtState("matching", { probedPorts: [8081] });
    };
    expect(probedPorts({ service, world: { ...NOTHING, workload } })).toEqual([8081]);
    expect(seen).toEqual([{ ...REF, namespace: "dispatch" }]);
  });

  test("is what its own Deployment and what it still holds ask for", () => {
    expect(probedPorts({ service: testService({}), world: { ...NOTHING, templates: () => templates } })).toEqual([8080]);
  });

  test("is what a pod asks for until it is gone, though its template no longer does", () => {
    const pods = [podState({ probedPorts: [8081], deleting: true })];
    expect(probedPorts({ service: testService({}), world: { ...NOTHING, templates: () => templates, pods: () => pods } })).toEqual([
      8080, 8081,
    ]);
  });
});
