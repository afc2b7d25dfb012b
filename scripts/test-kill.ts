/** `npm run test:kill`: the operator is killed two hundred times. */
import { chosenTests, helpOfTests, runProjects } from "./run-projects.ts";

const HELP = helpOfTests(
  "npm run test:kill",
  `Kills the operator by SIGKILL at two hundred moments of services' lives, and the leader of two replicas at ten more.
npm test does twenty and the ten, at moments that a seed picks: FAULTS_SEED=… picks others.`,
);

process.env["FAULTS"] = "all";
process.exitCode = await runProjects([{ name: "faults", reporter: "verbose" }], chosenTests(HELP, ["faults/kills", "faults/replicas"]));
