import type { TestProject } from "vitest/node";
import { ensurePromtool } from "../oracles/promtool.ts";

/** Builds promtool, where it is not there and this machine never did. */
export async function setup(project: TestProject): Promise<void> {
  project.provide("promtool", await ensurePromtool({ env: process.env, progress: process.stderr }));
}
