import type { Dispatcher } from "undici";
import { FencedError, type Fence } from "../reconcilers/ports.ts";

/**
 * Asks the fence when a request is about to go out on a connection that is free for it, however long it had to wait for that, and cuts off what is on its way when the fence falls. undici
 * calls `onRequestStart` in the same turn in which it writes the request; what is thrown there is the request's error, and nothing is written.
 */
export function fenced(fence: Fence): Dispatcher.DispatcherComposeInterceptor {
  return (dispatch) => (options, handler) => {
    let cutOff: (() => void) | undefined;
    const over = (): void => {
      if (cutOff !== undefined) fence.signal.removeEventListener("abort", cutOff);
    };
    return dispatch(options, {
      onRequestStart(controller, context) {
        fence.check();
        over();
        cutOff = () => controller.abort(reasonOf(fence));
        fence.signal.addEventListener("abort", cutOff, { once: true });
        handler.onRequestStart?.(controller, context);
      },
      onRequestUpgrade: (...args) => handler.onRequestUpgrade?.(...args),
      onResponseStarted: () => handler.onResponseStarted?.(),
      onResponseStart: (...args) => handler.onResponseStart?.(...args),
      onResponseData: (...args) => handler.onResponseData?.(...args),
      onResponseEnd(...args) {
        over();
        handler.onResponseEnd?.(...args);
      },
      onResponseError(...args) {
        over();
        handler.onResponseError?.(...args);
      },
      onBodySent: (...args) => handler.onBodySent?.(...args),
      onRequestSent: () => handler.onRequestSent?.(),
    });
  };
}

/** Of each request its own: the SDK writes on what it is thrown. */
function reasonOf({ signal }: Fence): Error {
  const reason: unknown = signal.reason;
  return new FencedError(reason instanceof Error ? reason.message : "cut off", { cause: reason });
}
