import type { ImageReference, ResolvedImage } from "../ports.ts";

/** Tags are immutable, so what was once resolved is asked again only now and then. */
const REMEMBER_MS = 6 * 3_600_000;

/** What image references have resolved to. Only hits are kept: an image that is missing is asked for every time. */
export class ImageMemory {
  readonly #seen = new Map<string, { readonly image: ResolvedImage; readonly until: number }>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(repositoryArn: string, reference: ImageReference): ResolvedImage | undefined {
    const id = identity(repositoryArn, reference);
    const hit = this.#seen.get(id);
    if (!hit) return undefined;
    if (hit.until > this.#now()) return hit.image;
    this.#seen.delete(id);
    return undefined;
  }

  set(repositoryArn: string, reference: ImageReference, image: ResolvedImage): void {
    this.#seen.set(identity(repositoryArn, reference), { image, until: this.#now() + REMEMBER_MS });
  }

  /** Drops what is known of a repository that is gone. */
  forget(repositoryArn: string): void {
    for (const id of this.#seen.keys()) if (id.startsWith(`${repositoryArn} `)) this.#seen.delete(id);
  }
}

function identity(repositoryArn: string, reference: ImageReference): string {
  return `${repositoryArn} ${"tag" in reference ? `tag ${reference.tag}` : `digest ${reference.digest}`}`;
}
