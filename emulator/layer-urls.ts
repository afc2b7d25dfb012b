import { createHmac, timingSafeEqual } from "node:crypto";

export const LAYER_PREFIX = "/_layers/";
const LIFETIME_MS = 3600 * 1000;

/** URLs under which one layer can be downloaded for an hour without credentials, as ECR's to S3 can. */
export class LayerUrls {
  readonly #key: Uint8Array;

  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** Path and query for a digest. */
  sign(digest: string, now: number): string {
    const expires = now + LIFETIME_MS;
    return `${LAYER_PREFIX}${digest}?expires=${expires}&signature=${this.#signature(digest, expires)}`;
  }

  /** The digest of a URL that is ours and still good. */
  verify(pathname: string, query: URLSearchParams, now: number): string | undefined {
    const digest = pathname.slice(LAYER_PREFIX.length);
    const expires = Number(query.get("expires"));
    const wanted = Buffer.from(this.#signature(digest, expires));
    const given = Buffer.from(query.get("signature") ?? "");
    return expires > now && given.length === wanted.length && timingSafeEqual(given, wanted) ? digest : undefined;
  }

  #signature(digest: string, expires: number): string {
    return createHmac("sha256", this.#key).update(`${digest} ${expires}`).digest("base64url");
  }
}
