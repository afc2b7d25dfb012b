import { errorOfFailure, errorOfFrame, errorOfGarbage } from "./errors.ts";
import { isJsonObject, isLiveObject, type JsonObject } from "./objects.ts";
import type { WatchFrame } from "./transport.ts";

/** The annotation of the bookmark that ends WatchList's initial events (KEP-3157). */
const INITIAL_EVENTS_END = "k8s.io/initial-events-end";

/** Lines of a body that arrives in pieces of any size, cut anywhere, also inside a character. A last line without its end is an error. */
export async function* linesOf(body: AsyncIterable<Uint8Array>, operation: string): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8");
  const parts: string[] = [];
  for await (const chunk of body) {
    let text = decoder.decode(chunk, { stream: true });
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n")) {
      parts.push(text.slice(0, end));
      const line = parts.join("");
      parts.length = 0;
      text = text.slice(end + 1);
      if (line.trim() !== "") yield line;
    }
    if (text !== "") parts.push(text);
  }
  parts.push(decoder.decode());
  if (parts.join("").trim() !== "") throw errorOfFailure(operation, new Error("the watch was cut in the middle of a frame"));
}

/** One frame. Throws KubeError for an ERROR frame and for what is no frame. */
export function parseFrame(line: string, operation: string, fill: JsonObject): WatchFrame {
  const frame = parseJson(line);
  if (!isJsonObject(frame)) throw errorOfGarbage(operation, "the watch sent a line that is not a JSON object");
  switch (frame.type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED": {
      const object = isJsonObject(frame.object) ? { ...fill, ...frame.object } : undefined;
      if (!isLiveObject(object)) throw errorOfGarbage(operation, `the watch sent ${frame.type} without an object`);
      return { type: frame.type, object };
    }
    case "BOOKMARK": {
      const meta = isJsonObject(frame.object) && isJsonObject(frame.object.metadata) ? frame.object.metadata : {};
      if (typeof meta.resourceVersion !== "string") throw errorOfGarbage(operation, "the watch sent a bookmark without a resourceVersion");
      const annotations = isJsonObject(meta.annotations) ? meta.annotations : {};
      return { type: "BOOKMARK", resourceVersion: meta.resourceVersion, initialEventsEnd: annotations[INITIAL_EVENTS_END] === "true" };
    }
    case "ERROR":
      throw errorOfFrame(operation, frame.object);
    default:
      throw errorOfGarbage(operation, "the watch sent a frame of an unknown type");
  }
}

/** Parsed JSON, or the text itself where it is none: proxies on the way answer in prose. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
