import { z } from "zod";
import { objective } from "./service/slos.ts";
import {
  atomicList,
  cidrRange,
  condition,
  dnsLabel,
  durationOrZero,
  generation,
  hostName,
  isDuration,
  mapList,
  objectName,
  port,
  rules,
  setList,
  text,
} from "./fields.ts";
import type { ObjectMeta } from "./platform-service.ts";
import { ACTION_PATTERN } from "./policy-rules.ts";

/** PlatformTier: what the platform team promises to every service that names it. Cluster-scoped. */

const labelKey = text({
  pattern: /^([a-z0-9]([-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$/,
  says: "matchExpressions key must be a label key, as kubernetes.io/metadata.name",
  max: 317,
});
const labelValue = z.string().max(63);

const requirement = z
  .strictObject({
    key: labelKey.describe("Label key, as kubernetes.io/metadata.name."),
    operator: z
      .enum(["In", "NotIn", "Exists", "DoesNotExist"])
      .describe("How the label is compared. NotIn and DoesNotExist also match where the label is missing."),
    values: setList(labelValue, { max: 64 }).optional().describe("Values for In and NotIn; none for Exists and DoesNotExist."),
  })
  .meta(
    rules({
      rule: "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
      message: "matchExpressions values must be written for operator In and NotIn, and left out for Exists and DoesNotExist",
    }),
  );

export const labelSelector = z.strictObject({
  matchLabels: z
    .record(z.string().max(317), labelValue)
    .optional()
    .meta({ maxProperties: 16 })
    .describe("Labels that must be there with these values; all of them. {} matches everything."),
  matchExpressions: z.array(requirement).max(16).optional().describe("Requirements that must all hold."),
});

export type LabelSelector = z.output<typeof labelSelector>;

const egress = z
  .strictObject({
    name: dnsLabel("allowedEgress name", "card-network").describe("Name of the entry, as card-network."),
    cidr: cidrRange("allowedEgress cidr").optional().describe("Address range, as 198.51.100.0/24. Either cidr or host."),
    host: hostName("allowedEgress host").optional().describe("Full DNS name, as api.cards.example.com. Either host or cidr."),
    port: port.describe("Port that is called, as 443."),
  })
  .meta(
    rules({
      rule: "has(self.cidr) != has(self.host)",
      message: "each of allowedEgress must have exactly one of cidr and host: write two entries for two destinations",
    }),
  );

const availability = z
  .strictObject({
    minReplicas: z
      .int()
      .min(1)
      .max(100)
      .default(1)
      .describe("Pods that a service runs at least, unless it says otherwise in scaling.minReplicas."),
    maxUnavailable: z
      .int()
      .min(1)
      .max(100)
      .default(1)
      .describe(
        "Pods that a drain or a rollout may take away at once. At least 1, so that nodes can be drained; below minReplicas where that is above 1.",
      ),
    zoneSpread: z
      .enum(["Required", "Preferred", "None"])
      .default("Preferred")
      .describe(
        "Whether pods spread over zones: Required waits for room in another zone that has a node for them, Preferred does not, None does not care.",
      ),
    minZones: z
      .int()
      .min(2)
      .max(6)
      .optional()
      .describe(
        "With zoneSpread Required: in how many zones pods must run before any zone gets a second one of the same rollout. Without it a zone counts once it has a node, so that all pods may " +
          "meet on the first node of an empty pool. While fewer zones have room, the other pods wait: one less than the pools' zones outlasts the loss of one.",
      ),
    priorityClassName: objectName("priorityClassName", "platform-critical")
      .optional()
      .describe("PriorityClass of the pods, as platform-critical. It must exist."),
    preStopDelay: durationOrZero("preStopDelay")
      .default("5s")
      .describe(
        "How long a pod goes on answering after it has been told to stop, so that callers can look away. Shorter than terminationGracePeriod.",
      ),
    terminationGracePeriod: durationOrZero("terminationGracePeriod")
      .default("30s")
      .describe(
        "How long a pod may take to stop, preStopDelay included; then it is killed. No route's timeout may be longer than what preStopDelay leaves of it.",
      ),
  })
  .meta(
    rules(
      {
        rule: "self.minReplicas == 1 || self.maxUnavailable < self.minReplicas",
        message:
          "availability.maxUnavailable must be below availability.minReplicas, or a drain may take every pod at once: lower it or raise minReplicas",
        fieldPath: ".maxUnavailable",
      },
      {
        rule: "!has(self.minZones) || self.zoneSpread == 'Required'",
        message: "availability.minZones must not be written unless zoneSpread is Required: write that, or leave minZones out",
        fieldPath: ".minZones",
      },
      {
        rule:
          `!${isDuration("self.preStopDelay")} || !${isDuration("self.terminationGracePeriod")} || ` +
          "duration(self.preStopDelay) < duration(self.terminationGracePeriod)",
        message:
          "availability.preStopDelay must be shorter than availability.terminationGracePeriod, which includes it: shorten the one or lengthen the other",
        fieldPath: ".preStopDelay",
      },
    ),
  );

const placement = z.strictObject({
  nodePools: setList(dnsLabel("each of nodePools", "general"), { min: 1, max: 16 }).describe(
    "Karpenter NodePools that pods may run in, by name, as [general].",
  ),
  capacityTypes: setList(z.enum(["spot", "on-demand", "reserved"]), { min: 1, max: 3 }).describe(
    "Kinds of capacity that pods may run on; Karpenter chooses within the set, the cheapest first.",
  ),
  architectures: setList(z.enum(["arm64", "amd64"]), { min: 1, max: 2 }).describe(
    "Processor architectures that pods may run on; a service is placed on those of them that its image has.",
  ),
  dedicated: z
    .boolean()
    .default(false)
    .describe(
      "True: the pools are for this tier alone; its pods tolerate their NoSchedule taint. A pool without that taint is refused (PoolNotTainted).",
    ),
});

const actions = (field: string) =>
  setList(
    text({
      pattern: ACTION_PATTERN,
      says: `each of identity.${field} must be an action of IAM, or a pattern of some with * and ?, as s3:DeleteBucket or s3:Delete*`,
      max: 256,
    }),
    { max: 100 },
  );

const identity = z.strictObject({
  permissionsBoundaryArn: text({
    pattern: /^arn:aws[a-z-]*:iam::[0-9]{12}:policy\/[!-~]+$/,
    says: "identity.permissionsBoundaryArn must be the ARN of an IAM policy, as arn:aws:iam::111122223333:policy/platform-boundary-pci",
    max: 2048,
  })
    .nullable()
    .optional()
    .describe(
      "Permissions boundary of the services' roles. One that the operator's configuration lists. Absent or null: the configuration's own.",
    ),
  deniedActions: actions("deniedActions")
    .optional()
    .describe("Actions that no service of the tier may be allowed, beside those that the configuration denies, as [dynamodb:DeleteTable]."),
  allowedActions: actions("allowedActions")
    .optional()
    .describe("The only actions that services of the tier may be allowed, of those that the configuration allows. Absent: all of those."),
});

const network = z.strictObject({
  mtls: z
    .enum(["Strict", "Permissive"])
    .default("Strict")
    .describe(
      "Strict: callers must speak mutual TLS. Permissive: plain text is let in as well, for while a namespace moves into the mesh.",
    ),
  isolation: z
    .enum(["Standard", "Strict"])
    .default("Standard")
    .describe(
      "Standard: callers and dependencies as the squads agree. Strict: callers and dependencies within the tier only, no host, range or Service of a " +
        "squad's own choosing beyond allowedEgress, and no way to the API server.",
    ),
  allowedEgress: mapList(egress, { keys: ["name"], max: 50 })
    .optional()
    .describe("Destinations outside the cluster that every service of the tier may call, strict isolation or not."),
});

const slos = z.strictObject({
  required: z
    .boolean()
    .default(false)
    .describe("true: a service with a port must have an SLO of its availability, by the mesh or by queries of its own."),
  minimumObjective: objective("slos.minimumObjective")
    .optional()
    .describe('Lowest objective that such an SLO may have, in quotes, as "99.9". One of latency may have any.'),
});

export const platformTierSpec = z.strictObject({
  description: z.string().max(512).optional().describe("What the tier is for and what it promises, in a sentence for the squads."),
  allowedNamespaces: labelSelector
    .optional()
    .describe(
      "Namespaces whose services may name the tier. Absent: none. {}: all. To keep others out, select kubernetes.io/metadata.name, which nobody can set.",
    ),
  availability: availability.describe("How many pods run and how they come and go."),
  placement: placement.describe("Where pods run."),
  identity: identity.optional().describe("What the services' IAM roles can never exceed, and their policies never say."),
  network: network.describe("Who may talk to the services, and how."),
  slos: slos.optional().describe("What the services must promise."),
});

export type PlatformTierSpec = z.output<typeof platformTierSpec>;

export const platformTierStatus = z.strictObject({
  observedGeneration: generation("The generation that the operator last looked at; -1 before the first time.").optional(),
  services: z.int().min(0).optional().describe("Number of PlatformServices that name the tier. It cannot be deleted while there are any."),
  conditions: atomicList(condition, { max: 8 })
    .optional()
    .describe("InUse is True while services name the tier, and its message names some."),
});

export type PlatformTierStatus = z.output<typeof platformTierStatus>;

export interface PlatformTier {
  readonly apiVersion: string;
  readonly kind: "PlatformTier";
  readonly metadata: ObjectMeta & { readonly uid: string; readonly resourceVersion: string; readonly generation: number };
  readonly spec: PlatformTierSpec;
  readonly status?: PlatformTierStatus;
}
