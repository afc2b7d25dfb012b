import type { ImageReference, ResolvedImage } from "../ports.ts";

/** Tags are immutable, so what was once resolved is asked again only now and then. */
const REMEMBER_MS = 6 * 3_600_000;

/**
 * Of an image that is to be kept: `kept`, it carries our tag; `onlyTag`, nothing runs it and our tag is left because it is the only one;
 * `absent`, it runs and the repository no longer has it.
 */
export type Keeping = "kept" | "onlyTag" | "absent";

/**
 * What image references have resolved to, and which images carry our tag. Of references only hits are kept: an image that is missing is
 * asked for every time.
 */
export class ImageMemory {
  /** By repository, and in it by reference. */
  readonly #seen = new Map<string, Map<string, { readonly image: ResolvedImage; readonly until: number }>>();
  readonly #keepings = new Map<string, Map<string, Keeping>>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  get(repositoryArn: string, reference: ImageReference): ResolvedImage | undefined {
    const seen = this.#seen.get(repositoryArn);
    const hit = seen?.get(identity(reference));
    if (!hit) return undefined;
    if (hit.until > this.#now()) return hit.image;
    seen?.delete(identity(reference));
    return undefined;
  }

  set(repositoryArn: string, reference: ImageReference, image: ResolvedImage): void {
    const seen = this.#seen.get(repositoryArn) ?? new Map<string, { readonly image: ResolvedImage; readonly until: number }>();
    this.#seen.set(repositoryArn, seen.set(identity(reference), { image, until: this.#now() + REMEMBER_MS }));
  }

  /** By digest, to be kept up to date; undefined: the repository has not been read yet. */
  keepings(repositoryArn: string): Map<string, Keeping> | undefined {
    return this.#keepings.get(repositoryArn);
  }

  setKeepings(repositoryArn: string, keepings: Map<string, Keeping>): Map<string, Keeping> {
    this.#keepings.set(repositoryArn, keepings);
    return keepings;
  }

  /** Drops what is known of a repository that is gone, or is read anew. */
  forget(repositoryArn: string): void {
    this.#keepings.delete(repositoryArn);
    this.#seen.delete(repositoryArn);
  }
}

function identity(reference: ImageReference): string {
  return "tag" in reference ? `tag ${reference.tag}` : `digest ${reference.digest}`;
}
