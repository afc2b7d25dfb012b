import { REMOVED, type Changes } from "./json-path.ts";
import { cidrs, hosts, labels, objectNames, values, type Refusal } from "./schema-cases.ts";

/** What FULL_TIER must not be changed to, and what it may. */

const EGRESS = "spec.network.allowedEgress";

/** Changes to FULL_TIER. */
export const TIER_REFUSALS: readonly Refusal[] = [
  {
    field: "",
    message:
      "metadata.name must be at most 63 lower-case letters, digits and -, beginning and ending with a letter or digit, since pods are labelled with it: choose a name such as tier-1",
    examples: ["a.b", "a".repeat(64)].map((name) => ({ "metadata.name": name })),
  },
  {
    field: "spec.allowedNamespaces.matchExpressions[0]",
    message: "matchExpressions values must be written for operator In and NotIn, and left out for Exists and DoesNotExist",
    examples: [
      { "spec.allowedNamespaces.matchExpressions[0].values": REMOVED },
      { "spec.allowedNamespaces.matchExpressions[0].values": [] },
      { "spec.allowedNamespaces.matchExpressions[0].operator": "Exists" },
    ],
  },
  values("spec.allowedNamespaces.matchExpressions[0].key", "matchExpressions key must be a label key, as kubernetes.io/metadata.name", [
    "a b",
    "/x",
    "X.example.com/y",
  ]),
  {
    field: "spec.availability.maxUnavailable",
    message:
      "availability.maxUnavailable must be below availability.minReplicas, or a drain may take every pod at once: lower it or raise minReplicas",
    examples: [{ "spec.availability.maxUnavailable": 3 }],
  },
  {
    field: "spec.availability.minZones",
    message: "availability.minZones must not be written unless zoneSpread is Required: write that, or leave minZones out",
    examples: [{ "spec.availability.zoneSpread": "Preferred" }, { "spec.availability.zoneSpread": "None" }],
  },
  {
    field: "spec.availability.preStopDelay",
    message:
      "availability.preStopDelay must be shorter than availability.terminationGracePeriod, which includes it: shorten the one or lengthen the other",
    examples: [{ "spec.availability.preStopDelay": "1m" }, { "spec.availability.terminationGracePeriod": "0s" }],
  },
  objectNames("spec.availability.priorityClassName", "priorityClassName", "platform-critical"),
  ...["preStopDelay", "terminationGracePeriod"].map((name) =>
    values(
      `spec.availability.${name}`,
      `${name} must be a duration such as 0s, 15s or 1m30s: whole numbers of at most five digits, each with h, m, s or ms`,
      ["15", "1.5s"],
    ),
  ),
  labels("spec.placement.nodePools[0]", "each of nodePools", "general"),
  values(
    "spec.identity.permissionsBoundaryArn",
    "identity.permissionsBoundaryArn must be the ARN of an IAM policy, as arn:aws:iam::111122223333:policy/platform-boundary-pci",
    ["platform-boundary-pci", "arn:aws:iam::111122223333:role/x"],
  ),
  ...["deniedActions", "allowedActions"].map((name) =>
    values(
      `spec.identity.${name}[0]`,
      `each of identity.${name} must be an action of IAM, or a pattern of some with * and ?, as s3:DeleteBucket or s3:Delete*`,
      ["GetItem", "s3:Get Object"],
    ),
  ),
  {
    field: "spec.slos.minimumObjective",
    message: 'slos.minimumObjective must be a percentage from 90 to below 100 in quotes, with at most four decimals, as "99.95"',
    examples: ["100", "9"].map((minimumObjective) => ({ "spec.slos": { minimumObjective } })),
  },
  {
    field: `${EGRESS}[0]`,
    message: "each of allowedEgress must have exactly one of cidr and host: write two entries for two destinations",
    examples: [{ [`${EGRESS}[0].host`]: "example.com" }, { [`${EGRESS}[0].cidr`]: REMOVED }],
  },
  labels(`${EGRESS}[0].name`, "allowedEgress name", "card-network"),
  ...cidrs(`${EGRESS}[0].cidr`, "allowedEgress cidr"),
  hosts(`${EGRESS}[1].host`, "allowedEgress host"),
];

/** Changes to FULL_TIER that must be accepted. */
export const TIER_ACCEPTED: Readonly<Record<string, Changes>> = {
  "every field": {},
  "every namespace": { "spec.allowedNamespaces": {} },
  "no namespace": { "spec.allowedNamespaces": REMOVED },
  "the configuration's boundary": { "spec.identity.permissionsBoundaryArn": null },
  "one replica that a drain may take": { "spec.availability.minReplicas": 1, "spec.availability.maxUnavailable": 1 },
  "zones as they have nodes": { "spec.availability.minZones": REMOVED },
  "no spread over zones": { "spec.availability.minZones": REMOVED, "spec.availability.zoneSpread": "None" },
  "an SLO asked for": { "spec.slos": { required: true, minimumObjective: "99.9" } },
  "no delay": { "spec.availability.preStopDelay": "0s" },
};
