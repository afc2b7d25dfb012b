/** `npm run test:oracles`: programs that are not ours say what our objects mean to them. */
import { whyNoOracles } from "../test/support/oracles/programs.ts";
import { chosenTests, helpOfTests, runProjects } from "./run-projects.ts";

const HELP = helpOfTests(
  "npm run test:oracles",
  "Asks programs that are not ours what our objects mean to them: istioctl, istiod, cyclonus and Karpenter, built once by Go.",
);
const projects = ["oracles", "oracles-cluster"].map((name) => ({ name, whyNot: whyNoOracles, reporter: "verbose" }) as const);

process.exitCode = await runProjects(projects, chosenTests(HELP));
