import { z } from "zod";
import { objectName, rules } from "../fields.ts";

/** `spec.workloadRef`: a workload that the squad deploys itself, instead of `container` and `scaling`. */

export const workloadRef = z
  .strictObject({
    apiVersion: z
      .enum(["apps/v1", "argoproj.io/v1alpha1"])
      .describe("Its API: apps/v1 of a Deployment, argoproj.io/v1alpha1 of a Rollout."),
    kind: z.enum(["Deployment", "Rollout"]).describe("Deployment, or Rollout (Argo Rollouts)."),
    name: objectName("workloadRef.name").describe("Its name, in the service's namespace."),
  })
  .meta(
    rules({
      rule: "(self.apiVersion == 'apps/v1') == (self.kind == 'Deployment')",
      message:
        "workloadRef.apiVersion must be apps/v1 for kind Deployment, and argoproj.io/v1alpha1 for kind Rollout: write the one that goes with kind",
      fieldPath: ".apiVersion",
    }),
  );

export type WorkloadRef = z.output<typeof workloadRef>;
