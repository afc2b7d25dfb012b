import type { HttpHandlerOptions, RequestHandler } from "@smithy/types";
import type { Fence } from "../reconcilers/ports.ts";

/**
 * Has the fence asked as the last step of a client's every call, each retry of the SDK's too, when it has waited for its turn and is signed; and has cut off what
 * is on its way when the fence falls. Reads and writes are the same here: who may not write has nothing to read for.
 */
export function putFence(fence: Fence, handler: RequestHandler<never, unknown, HttpHandlerOptions>): void {
  const handle = handler.handle.bind(handler);
  handler.handle = async (request, options) => {
    fence.check();
    return handle(request, { ...options, abortSignal: fence.signal });
  };
}
