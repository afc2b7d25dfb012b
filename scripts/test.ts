/** `npm test`: unit tests, then everything on a real API server. */
import { whyNoHistory } from "../test/support/earlier-release.ts";
import { whyNoImage } from "../test/support/image/machine.ts";
import { chosenTests, helpOfTests, type Project, runProjects } from "./run-projects.ts";

const HELP = helpOfTests(
  "npm test",
  "Runs every test: unit tests, then those on a real API server, of the charts, of upgrades and of the image.",
);

const PROJECTS: readonly Project[] = [
  { name: "unit" },
  { name: "integration" },
  { name: "operator" },
  { name: "faults" },
  { name: "package" },
  { name: "upgrade", whyNot: whyNoHistory },
  { name: "image", whyNot: whyNoImage },
];

process.exitCode = await runProjects(PROJECTS, chosenTests(HELP));
