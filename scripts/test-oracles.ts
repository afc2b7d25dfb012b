/** `npm run test:oracles`: programs that are not ours say what our objects mean to them. Arguments go to vitest. */
import { whyNoOracles } from "../test/support/oracles/programs.ts";
import { whyNoPromtool } from "../test/support/oracles/promtool.ts";
import { runProjects } from "./run-projects.ts";

const projects = [
  { name: "slo", whyNot: whyNoPromtool, reporter: "verbose" },
  ...["oracles", "oracles-cluster"].map((name) => ({ name, whyNot: whyNoOracles, reporter: "verbose" }) as const),
] as const;

process.exitCode = await runProjects(projects, process.argv.slice(2));
