import { hash } from "node:crypto";
import { canonicalJson } from "../crds/canonical.ts";

/** 64 bits of sha256 over the canonical JSON, as hex: names a wish in memory and in annotations; never a security boundary. */
export function hashOf(value: unknown): string {
  return hash("sha256", canonicalJson(value), "hex").slice(0, 16);
}
