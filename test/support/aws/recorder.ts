import type { RequestObserver } from "../../../src/aws/instrument.ts";

/** Remembers every request that a connection of the operator's sent. */
export class Recorder implements RequestObserver {
  #requests: { call: string; code: string }[] = [];

  request(service: string, operation: string, code: string): void {
    this.#requests.push({ call: `${service}:${operation}`, code });
  }

  clear(): void {
    this.#requests = [];
  }

  /** Calls that succeeded or failed, in order, as `iam:GetRole`. */
  calls(): string[] {
    return this.#requests.map(({ call }) => call);
  }

  /** Those that may change something. */
  writes(): string[] {
    return this.calls().filter((call) => !/:(Get|List|Describe|BatchGet)/.test(call));
  }

  /** Codes of one call, in order. */
  codes(call: string): string[] {
    return this.#requests.filter((r) => r.call === call).map(({ code }) => code);
  }
}
