import type { FinalizeRequestMiddleware, HandlerExecutionContext, InitializeMiddleware, MiddlewareStack } from "@smithy/types";
import { errorCode, toAwsError } from "./errors.ts";
import type { Clock, TokenBucket } from "./token-bucket.ts";

/** Sees every request that was sent, each retry of the SDK's too. */
export interface RequestObserver {
  /** `service` as iam, `operation` as CreateRole, `code` as OK or NoSuchEntityException. */
  request(service: string, operation: string, code: string, seconds: number): void;
}

export interface Instruments {
  readonly service: string;
  readonly bucket: TokenBucket;
  readonly clock: Clock;
  readonly observer: RequestObserver;
}

/** Puts a client behind its rate, counts and times each request, and lets nothing but AwsError out of it. */
export function instrument<Input extends object, Output extends object>(
  stack: MiddlewareStack<Input, Output>,
  instruments: Instruments,
): void {
  stack.add(classify<Input, Output>(instruments.service), { step: "initialize", priority: "high", name: "classifyErrors" });
  stack.addRelativeTo(measure<Input, Output>(instruments), { relation: "after", toMiddleware: "retryMiddleware", name: "measureRequests" });
}

function classify<Input extends object, Output extends object>(service: string): InitializeMiddleware<Input, Output> {
  return (next, context) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      throw toAwsError(error, `${service}:${operationOf(context)}`);
    }
  };
}

function measure<Input extends object, Output extends object>({
  service,
  bucket,
  clock,
  observer,
}: Instruments): FinalizeRequestMiddleware<Input, Output> {
  return (next, context) => async (request) => {
    await bucket.take();
    const start = clock.monotonic();
    const observe = (code: string): void => observer.request(service, operationOf(context), code, (clock.monotonic() - start) / 1000);
    try {
      const answer = await next(request);
      observe("OK");
      return answer;
    } catch (error) {
      observe(errorCode(error));
      throw error;
    }
  };
}

function operationOf(context: HandlerExecutionContext): string {
  return (context.commandName ?? "Unknown").replace(/Command$/, "");
}
