import { z } from "zod";
import { atomicList, condition, generation } from "../fields.ts";
import { LONGEST_REQUEST } from "../requests.ts";

/** `status` of a PlatformService: what the operator saw and did. Written by the operator alone. */

/** Of an image with registry and digest, in characters. */
export const LONGEST_IMAGE = 1024;
/** Of an image's architectures: images name what they like. */
export const MOST_ARCHITECTURES = 16;
export const LONGEST_ARCHITECTURE = 32;

const resource = z.strictObject({
  group: z.string().max(253).describe("API group, empty for core; of AWS objects iam.aws, ecr.aws, eks.aws, appmesh.aws or aps.aws."),
  kind: z.string().max(63).describe("Kind, as Deployment, or Role."),
  name: z.string().max(512).describe("Name, as the API server or AWS has it."),
  state: z.enum(["Ready", "Progressing", "Blocked", "Failed", "Retained"]).describe("How it fares; Retained: left in place on purpose."),
  seenAs: z
    .string()
    .max(64)
    .optional()
    .describe(
      "Hash of what it was last seen to be as desired: a process that begins need not read it by itself. Of IAM roles and ECR repositories.",
    ),
});

/** How much of an error budget is left, the worst first. */
export const BUDGETS = ["Exhausted", "Low", "Unknown", "Healthy"] as const;
export type Budget = (typeof BUDGETS)[number];

const slo = z.strictObject({
  name: z.string().max(63).describe("Name of the SLO, as in spec.slos."),
  objective: z.string().max(7).describe("Its objective, in percent."),
  budget: z
    .enum(BUDGETS)
    .describe(
      "What is left of its error budget: Healthy; Low, a quarter at most; Exhausted, nothing; Unknown, where nothing is measured, or no Prometheus answers or is asked (SLOsReady says which).",
    ),
  remainingPercent: z
    .int()
    .min(-100)
    .max(100)
    .optional()
    .describe("What is left, in percent of the budget and steps of five; below zero where more than all is spent."),
});

export type SloStatus = z.output<typeof slo>;

// Its lists are atomic: nobody else writes them, and who owns each field of each item would be half of the object (docs/adr/0038-status-lists.md).
export const platformServiceStatus = z.strictObject({
  observedGeneration: generation("The generation that the last pass worked on; -1 before the first.").optional(),
  conditions: atomicList(condition, { max: 32 })
    .optional()
    .describe(
      "One condition for each step, and Ready, which is True when all of them are; Reconciling and Stalled are there only while True.",
    ),
  role: z
    .strictObject({ arn: z.string().max(2048).describe("ARN of the role.") })
    .optional()
    .describe("The IAM role that the pods assume."),
  repository: z
    .strictObject({
      arn: z.string().max(2048).describe("ARN of the repository."),
      uri: z.string().max(512).describe("Where to push, without a tag."),
    })
    .optional()
    .describe("The ECR repository."),
  image: z
    .strictObject({
      desired: z.string().max(LONGEST_IMAGE).optional().describe("The image that should run, by digest."),
      running: z
        .string()
        .max(LONGEST_IMAGE)
        .optional()
        .describe(
          "The image that runs, by digest; the old one until a rollout is complete. Of a workload that the squad brings only once that is, and while it has one container and its pods run one image.",
        ),
      architectures: atomicList(z.string().max(LONGEST_ARCHITECTURE), { max: MOST_ARCHITECTURES })
        .optional()
        .describe("What the desired image runs on, as Kubernetes names it: amd64, arm64, …"),
    })
    .optional()
    .describe("Images, with registry and digest."),
  mesh: z
    .strictObject({
      provider: z.string().max(32).describe("Istio, AppMesh, or None."),
      host: z.string().max(253).optional().describe("Name by which callers reach the service."),
    })
    .optional()
    .describe("The mesh that the service is in."),
  inputs: z
    .strictObject({
      tier: z
        .strictObject({
          name: z.string().max(63).describe("Name of the tier."),
          uid: z.string().max(64).describe("Its uid: another one means that it was deleted and made again."),
          generation: generation("Its generation."),
        })
        .optional()
        .describe("The tier, as the last pass read it."),
      configHash: z.string().max(64).describe("Hash of the operator's configuration."),
    })
    .optional()
    .describe("What Ready is about, beside the generation."),
  lastHandledReconcileAt: z
    .string()
    .max(LONGEST_REQUEST)
    .optional()
    .describe(
      "The value of the annotation platform-operator.dev/reconcile-at that a pass has last acted on: it has run and read AWS afresh. Of a longer value, its first 256 characters.",
    ),
  pausedUntil: z.iso
    .datetime()
    .optional()
    .describe("When the pause that the annotation platform-operator.dev/paused-until asks for ends, in UTC; absent once it is over."),
  slos: atomicList(slo, { max: 8 }).optional().describe("What is left of the error budget of each of spec.slos."),
  budget: z.enum(BUDGETS).optional().describe("The worst of slos; absent without any."),
  // Each host and range that a squad or its tier names is a ServiceEntry, and each route may be a Route of App Mesh.
  resources: atomicList(resource, { max: 256 }).optional().describe("Everything that the service owns, in Kubernetes and in AWS."),
});

export type PlatformServiceStatus = z.output<typeof platformServiceStatus>;
