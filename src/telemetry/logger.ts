import { pino, type Logger } from "pino";

/** Structured logs on stdout: no secrets, no whole bodies, errors as class, message and stack. */
export function createLogger(level: string): Logger {
  return pino({
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: ["token", "authorization", "*.token", "*.authorization", "err.cause", "err.$response"], remove: true },
  });
}
