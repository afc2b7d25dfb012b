import { expect, test } from "vitest";
import { SharedTexts } from "../../../src/controllers/shared-texts.ts";
import { storedService } from "../../support/aws/service.ts";

const CONDITIONS = [
  {
    type: "Ready",
    status: "True" as const,
    reason: "AsDeclared",
    message: "m".repeat(80),
    lastTransitionTime: "2026-11-27T12:00:00Z",
    observedGeneration: 3,
  },
];

test("a status is the same in all that can be seen", () => {
  const service = storedService(
    { namespace: "n", name: "web" },
    {},
    {
      status: {
        observedGeneration: 3,
        conditions: CONDITIONS,
        resources: [{ group: "", kind: "Service", name: "web", state: "Ready" }],
        mesh: { provider: "Istio" },
      },
    },
  );
  expect(new SharedTexts().of(service)).toStrictEqual(service);
  const fresh = storedService({ namespace: "n", name: "web" });
  expect(new SharedTexts().of(fresh)).toStrictEqual(fresh);
});
