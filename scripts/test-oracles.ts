/** `npm run test:oracles`: programs that are not ours say what our objects mean to them. */
import { whyNoOracles } from "../test/support/oracles/programs.ts";
import { whyNoPrometheus } from "../prometheus/build.ts";
import { chosenTests, helpOfTests, runProjects } from "./run-projects.ts";

const HELP = helpOfTests(
  "npm run test:oracles",
  "Asks programs that are not ours what our objects mean to them: istioctl, istiod, cyclonus, Karpenter and Prometheus, built once by Go.",
);
const projects = [
  { name: "slo", whyNot: whyNoPrometheus, reporter: "verbose" },
  ...["oracles", "oracles-cluster"].map((name) => ({ name, whyNot: whyNoOracles, reporter: "verbose" }) as const),
] as const;

process.exitCode = await runProjects(projects, chosenTests(HELP));
