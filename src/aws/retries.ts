import { AdaptiveRetryStrategy, INITIAL_RETRY_TOKENS } from "@smithy/core/retry";
import type { StandardRetryToken } from "@smithy/types";

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

  override recordSuccess(token: StandardRetryToken): void {
    super.recordSuccess({
      getRetryCount: () => token.getRetryCount(),
      getRetryDelay: () => token.getRetryDelay(),
      getRetryCost: () => INITIAL_RETRY_TOKENS,
    });
  }
}
