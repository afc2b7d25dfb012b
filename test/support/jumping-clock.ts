/**
 * Imported by a process before everything else (`node --import`), it lets the wall clock of that process jump: at SIGUSR2 it is off by as many milliseconds as the file
 * says that CLOCK_OFFSET_FILE names. The monotonic clock goes on as it did, as the kernel's does.
 */
import { readFileSync } from "node:fs";

let offset = 0;
const realNow = Date.now;

Date.now = () => realNow() + offset;
globalThis.Date = new Proxy(Date, {
  construct(target, given: unknown[], newTarget: NewableFunction) {
    const made: object = Reflect.construct(target, given.length === 0 ? [target.now()] : given, newTarget);
    return made;
  },
});
process.on("SIGUSR2", () => {
  offset = Number(readFileSync(process.env["CLOCK_OFFSET_FILE"] ?? "", "utf8"));
});
