/** `npm run test:faults`: every call of a service's life fails in every way that it can. */
import { chosenTests, helpOfTests, runProjects } from "./run-projects.ts";

const HELP = helpOfTests(
  "npm run test:faults",
  `Lets every call of a service's life fail in every way that it can, in each phase of a life one, and everything be away for minutes; takes long.
npm test does of it what a seed picks: FAULTS_SEED=… picks something else.`,
);
const FILES = ["life-faults-api", "life-faults-aws", "life-faults-watches", "faults/tiers", "outages"];

process.env["FAULTS"] = "all";
process.exitCode = await runProjects([{ name: "faults", reporter: "verbose" }], chosenTests(HELP, FILES));
