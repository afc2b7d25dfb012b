import { FencedError, type Fence } from "../../src/reconcilers/ports.ts";

/** A fence that a test closes. */
export class Gate implements Fence {
  /** What is asked from now on is refused. As after a pause of the process: nobody has been told yet. */
  closed = false;
  /** How often it was asked. */
  asked = 0;
  readonly #fallen = new AbortController();

  get signal(): AbortSignal {
    return this.#fallen.signal;
  }

  check(): void {
    this.asked++;
    if (this.closed) throw new FencedError("not sent: the gate is closed");
  }

  /** Closes it and cuts off what is on its way. */
  fall(): void {
    this.closed = true;
    this.#fallen.abort(new FencedError("cut off: the gate fell"));
  }
}
