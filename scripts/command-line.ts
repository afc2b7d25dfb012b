import { parseArgs } from "node:util";

/** What the command lines of the scripts have in common: `--help`, and that what they do not know is refused. */

/** For the options of parseArgs. */
export const HELP_OPTION = { help: { type: "boolean", short: "h" } } as const;

interface Parsed {
  readonly values: { readonly help?: boolean | undefined };
}

/** What `parse` finds, by default `--help` alone; ends the process with 0 after the help that was asked for, and with 2 where parseArgs refuses an argument. */
export function commandLine<Found extends Parsed>(help: string, parse: () => Found): Found;
export function commandLine(help: string): Parsed;
export function commandLine(help: string, parse: () => Parsed = () => parseArgs({ options: HELP_OPTION })): Parsed {
  const found = orRefused(help, parse);
  if (found.values.help !== true) return found;
  console.log(help);
  return process.exit(0);
}

function orRefused(help: string, parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (error) {
    if (!isWrongUsage(error)) throw error;
    console.error(`${error.message}\n\n${help}`);
    return process.exit(2);
  }
}

function isWrongUsage(error: unknown): error is TypeError {
  return error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
}
