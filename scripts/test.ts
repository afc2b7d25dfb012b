/** `npm test`: unit tests, then everything on a real API server. Arguments go to vitest. */
import { whyNoHistory } from "../test/support/earlier-release.ts";
import { whyNoImage } from "../test/support/image/machine.ts";
import { type Project, runProjects } from "./run-projects.ts";

const PROJECTS: readonly Project[] = [
  { name: "unit" },
  { name: "integration" },
  { name: "operator" },
  { name: "faults" },
  { name: "package" },
  { name: "upgrade", whyNot: whyNoHistory },
  { name: "image", whyNot: whyNoImage },
];

process.exitCode = await runProjects(PROJECTS, process.argv.slice(2));
