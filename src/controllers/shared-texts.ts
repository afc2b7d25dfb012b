import type { PlatformService } from "../crds/platform-service.ts";

/** More different ones than the conditions and resources of a fleet have; from there on it begins anew, and nothing but memory is lost. */
const MOST_TEXTS = 10_000;
/** Longer ones, such as messages and ARNs, are seldom the same. */
const LONGEST_TEXT = 64;

/** JSON.parse makes each text anew. Those that a fleet's statuses repeat, such as types of conditions and kinds of resources, are kept once. */
export class SharedTexts {
  readonly #texts = new Map<string, string>();

  /** The same service; equal in all that can be seen. */
  of(service: PlatformService): PlatformService {
    const { status } = service;
    if (status === undefined) return service;
    const text = (one: string): string => this.#text(one);
    const conditions = status.conditions?.map((condition) => ({
      ...condition,
      type: text(condition.type),
      reason: text(condition.reason),
      lastTransitionTime: text(condition.lastTransitionTime),
    }));
    const resources = status.resources?.map((resource) => ({
      ...resource,
      group: text(resource.group),
      kind: text(resource.kind),
      name: text(resource.name),
    }));
    return { ...service, status: { ...status, ...(conditions && { conditions }), ...(resources && { resources }) } };
  }

  #text(text: string): string {
    if (text.length > LONGEST_TEXT) return text;
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    if (this.#texts.size >= MOST_TEXTS) this.#texts.clear();
    this.#texts.set(text, text);
    return text;
  }
}
