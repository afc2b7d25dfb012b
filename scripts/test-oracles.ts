/** `npm run test:oracles`: programs that are not ours say what our objects mean to them. Arguments go to vitest. */
import { whyNoOracles } from "../test/support/oracles/programs.ts";
import { runProjects } from "./run-projects.ts";

const projects = ["oracles", "oracles-cluster"].map((name) => ({ name, whyNot: whyNoOracles, reporter: "verbose" }) as const);

process.exitCode = await runProjects(projects, process.argv.slice(2));
