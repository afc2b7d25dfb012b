import type { TestProject } from "vitest/node";
import { ensureOracles } from "./programs.ts";

/** Builds the programs that are asked, where this machine never did. */
export async function setup(project: TestProject): Promise<void> {
  project.provide("oracles", await ensureOracles({ env: process.env, progress: process.stderr }));
}
