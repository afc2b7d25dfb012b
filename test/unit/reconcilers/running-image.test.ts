import { describe, expect, test } from "vitest";
import { platformServiceStatus } from "../../../src/crds/platform-service.ts";
import { servicePass } from "../../support/service-pass.ts";
import { broughtState, podState } from "../../support/workload-states.ts";

const BRINGING = { image: {}, workloadRef: { apiVersion: "apps/v1", kind: "Deployment", name: "legacy" } };

describe("image.running of a workload that the squad brings", () => {
  const DIGEST = `sha256:${"2".repeat(64)}`;
  const runs = (image: string, digests: Readonly<Record<string, string>> = {}) =>
    podState({ brought: true, images: { web: image, "istio-proxy": "istio/proxyv2:1" }, digests: { ...digests, "istio-proxy": "other" } });

  test.each([
    ["by tag, as its node has it", "example.com:5000/legacy:1", { web: DIGEST }, `example.com:5000/legacy@${DIGEST}`],
    ["by digest", `example.com/legacy:1@${DIGEST}`, {}, `example.com/legacy@${DIGEST}`],
  ])("is that of its ready pods: %s", async (_, image, digests, running) => {
    const it = servicePass({
      workload: () => broughtState("matching", { images: [image] }),
      pods: () => [runs(image, digests), runs(image, digests), podState({ ready: false, images: { web: image } })],
    });
    it.change({ spec: BRINGING });
    await it.pass();
    expect(it.status().image).toEqual({ desired: undefined, running });
    expect(platformServiceStatus.safeParse(it.status()).error).toBeUndefined();
  });

  const LONG = `${"x".repeat(1000)}@${DIGEST}`;
  test.each([
    ["it has several containers", ["legacy:1", "other:1"], [runs("legacy:1", { web: DIGEST })]],
    ["none of its pods is ready", ["legacy:1"], [{ ...runs("legacy:1", { web: DIGEST }), ready: false }]],
    ["the nodes have pulled different images", ["legacy:1"], [runs("legacy:1", { web: DIGEST }), runs("legacy:1", { web: "sha256:1" })]],
    ["a node does not say", ["legacy:1"], [runs("legacy:1", { web: DIGEST }), runs("legacy:1")]],
    ["the digest is none", ["legacy@nonsense"], [runs("legacy@nonsense")]],
    ["the name is longer than the schema takes", [LONG], [runs(LONG)]],
  ])("is not said where %s", async (_, images, pods) => {
    const it = servicePass({ workload: () => broughtState("matching", { images }), pods: () => pods });
    it.change({ spec: BRINGING });
    await it.pass();
    expect(it.status().image).toBeUndefined();
  });
});
