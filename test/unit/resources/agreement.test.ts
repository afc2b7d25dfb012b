import { describe, expect, test } from "vitest";
import { callersLeftOut, callersOf } from "../../../src/resources/agreement.ts";
import { networkFacts } from "../../support/children.ts";
import { shippedTier, testService } from "../../support/effective-services.ts";

describe("callers of a service of an isolated tier", () => {
  const callers = { services: [{ name: "inside" }, { name: "outside", namespace: "booking" }, { name: "nobody" }] };
  const facts = networkFacts({ "dispatch/inside": { tier: "pci" }, "booking/outside": { tier: "tier-1" } });

  test("are only those that are of it now; the others are named, that somebody can say so", () => {
    const service = testService({ tier: shippedTier("pci"), spec: { tier: "pci", port: 8080, callers } });
    expect(callersOf(service, facts).services).toEqual([{ namespace: "dispatch", name: "inside" }]);
    expect(callersLeftOut(service, facts)).toEqual([
      { namespace: "booking", name: "outside" },
      { namespace: "dispatch", name: "nobody" },
    ]);
  });

  test("are all admitted where nothing is isolated", () => {
    expect(callersLeftOut(testService({ spec: { port: 8080, callers } }), facts)).toEqual([]);
  });
});
