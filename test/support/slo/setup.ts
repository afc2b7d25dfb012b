import type { TestProject } from "vitest/node";
import { ensurePrometheus, type PrometheusPrograms } from "../../../prometheus/build.ts";

declare module "vitest" {
  interface ProvidedContext {
    readonly prometheus: PrometheusPrograms;
  }
}

/** Builds Prometheus, where it is not there and this machine never did. */
export async function setup(project: TestProject): Promise<void> {
  project.provide("prometheus", await ensurePrometheus({ env: process.env, progress: process.stderr }));
}
