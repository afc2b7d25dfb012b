import { AdaptiveRetryStrategy, INITIAL_RETRY_TOKENS } from "@smithy/core/retry";
import type { RetryErrorInfo, StandardRetryToken } from "@smithy/types";
import { errorCode } from "./errors.ts";

const BROKEN_OFF: ReadonlySet<string> = new Set(["UND_ERR_BODY_TIMEOUT", "UND_ERR_SOCKET"]);

/** Tries of one call in all; what then still fails is the next pass's to repeat. */
const MAX_ATTEMPTS = 3;

/**
 * The SDK's adaptive retries, with a quota that is whole again as soon as one call succeeds. While AWS does not answer at all it ends the tries that are for nothing, as theirs does. Theirs
 * gets back one of 500 for a success (`StandardRetryStrategy` of @smithy/core), so that after an outage hardly a call is tried again for long, and a pass that needs several calls in a row
 * fails with the first that is throttled. Storms are held off by what each service waits after a failure, and by the rates of calls, which count every try.
 */
export class Retries extends AdaptiveRetryStrategy {
  constructor() {
    super(() => Promise.resolve(MAX_ATTEMPTS));
  }

  /** An answer that breaks off in its body is one that did not come; the SDK knows neither code of undici's. */
  override refreshRetryTokenForRetry(
    token: StandardRetryToken,
    info: RetryErrorInfo,
  ): ReturnType<AdaptiveRetryStrategy["refreshRetryTokenForRetry"]> {
    const brokeOff = BROKEN_OFF.has(errorCode(info.error));
    return super.refreshRetryTokenForRetry(token, brokeOff ? { ...info, errorType: "TRANSIENT" } : info);
  }

  override recordSuccess(token: StandardRetryToken): void {
    super.recordSuccess({
      getRetryCount: () => token.getRetryCount(),
      getRetryDelay: () => token.getRetryDelay(),
      getRetryCost: () => INITIAL_RETRY_TOKENS,
    });
  }
}
