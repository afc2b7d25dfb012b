import { keyString, type ObjectKey } from "../crds/meta.ts";

/** More would be leases that no fleet has a use for: each is renewed every few seconds. */
export const MOST_SHARDS = 16;

/** FNV-1a, 32 bits (http://www.isthe.com/chongo/tech/comp/fnv/): spreads keys that differ in a letter. */
const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/** Which shard a service is of, in [0, shards): by its key alone, so that all replicas agree. */
export function shardOf(key: ObjectKey, shards: number): number {
  if (shards === 1) return 0;
  let hash = OFFSET_BASIS;
  for (const letter of keyString(key)) hash = Math.imul(hash ^ (letter.codePointAt(0) ?? 0), PRIME) >>> 0;
  return hash % shards;
}
