import { isJsonObject, type LiveObject } from "../../src/kube/objects.ts";
import type { Transport } from "../../src/kube/transport.ts";
import { UNASKED_TRANSPORT } from "./unasked-transport.ts";

/** An API server that makes events, and answers when it is told to. */
export class SlowEvents {
  /** What the events say whose creation has begun, in order. */
  readonly begun: string[] = [];
  /** The most creations that were under way at the same time. */
  mostAtOnce = 0;
  #underWay = 0;
  readonly #refused = new Set<string>();
  readonly #mayAnswer = Promise.withResolvers<undefined>();

  readonly transport: Transport = {
    ...UNASKED_TRANSPORT,
    create: async (_, event) => {
      const note = typeof event.note === "string" ? event.note : "";
      this.begun.push(note);
      this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#underWay);
      await this.#mayAnswer.promise;
      this.#underWay--;
      if (this.#refused.has(note)) throw new Error("refused");
      return created(event);
    },
  };

  /** Answers what is asked, and all that will be. */
  answer(): void {
    this.#mayAnswer.resolve(undefined);
  }

  refuse(note: string): void {
    this.#refused.add(note);
  }
}

function created({ apiVersion, kind, metadata }: Readonly<Record<string, unknown>>): LiveObject {
  const name = isJsonObject(metadata) && typeof metadata.name === "string" ? metadata.name : "";
  return { apiVersion: String(apiVersion), kind: String(kind), metadata: { name, uid: "u-2", resourceVersion: "1" } };
}
