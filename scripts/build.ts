/** `npm run build`: the operator as one file. */
import { bundle } from "./bundle.ts";
import { commandLine } from "./command-line.ts";

const HELP = `Usage: npm run build

Makes dist/main.mjs, the operator as one file that node runs with nothing beside it, its source map, and the notices of whose code is in it.

  --help   this text

Exit codes: 0 made, 1 not, 2 wrong usage.`;

commandLine(HELP);
await bundle("dist/main.mjs");
