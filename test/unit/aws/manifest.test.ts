import { describe, expect, test } from "vitest";
import { parseImageConfig, parseManifest } from "../../../src/aws/manifest.ts";

const DIGEST = `sha256:${"a".repeat(64)}`;
const entry = (os: string, architecture: string, more: object = {}) => ({ digest: DIGEST, platform: { os, architecture }, ...more });
const index = (...manifests: object[]) => parseManifest(JSON.stringify({ schemaVersion: 2, manifests }));

describe("an index", () => {
  test("names the architectures of its images", () => {
    expect(index(entry("linux", "arm64"), entry("linux", "amd64"))).toEqual({
      kind: "index",
      architectures: ["arm64", "amd64"],
      undescribed: [],
    });
  });

  test("its attestations are no images", () => {
    const attestation = entry("unknown", "unknown", { annotations: { "vnd.docker.reference.type": "attestation-manifest" } });
    expect(index(entry("linux", "amd64"), attestation, entry("unknown", "unknown"))).toMatchObject({
      architectures: ["amd64"],
      undescribed: [],
    });
  });

  test("images for Windows run on no node of ours", () => {
    expect(index(entry("windows", "amd64"))).toMatchObject({ architectures: [] });
  });

  test("an entry without a platform has to be looked into", () => {
    expect(index({ digest: DIGEST })).toEqual({ kind: "index", architectures: [], undescribed: [DIGEST] });
  });
});

test("a single image names its configuration", () => {
  expect(parseManifest(JSON.stringify({ schemaVersion: 2, config: { digest: DIGEST }, layers: [] }))).toEqual({
    kind: "image",
    config: DIGEST,
  });
});

test.each(["", "{", "[]", '{"config":{"digest":"sha256:short"}}'])("%j is no manifest that we know", (text) => {
  expect(parseManifest(text)).toEqual({ kind: "unknown" });
});

test.each([
  ['{"os":"linux","architecture":"arm64"}', ["arm64"]],
  ['{"os":"windows","architecture":"amd64"}', []],
  ["no JSON", []],
])("of the configuration %j the architectures are %j", (text, architectures) => {
  expect(parseImageConfig(text)).toEqual(architectures);
});
