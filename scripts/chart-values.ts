import { z } from "zod";
import { MOST_SHARDS } from "../src/controllers/shards.ts";
import { editorSchema, type JsonSchema } from "../src/crds/json-schema.ts";
import { operatorConfigFile } from "../src/crds/operator-config.ts";
import { platformTierSpec } from "../src/crds/platform-tier.ts";

/** The values of charts/platform-operator, as the schema that Helm holds them to. Their defaults are in its values.yaml. */

const switched = (description: string) => z.boolean().describe(description);
const anyObject = (description: string) => z.record(z.string(), z.unknown()).describe(description);
const strings = (description: string) => z.record(z.string(), z.string()).describe(description);

/** A rule of a NetworkPolicy whose list is empty, or not there, is for every address or port: an empty one would open what it should close. */
const opened = <Item extends z.ZodType>(item: Item, description: string) =>
  z.array(item).min(1).describe(`${description} At least one, since none would open all.`);
/** IPv4; all of IPv6; and of IPv6 what cannot hold fd00:ec2::254, where instance metadata answers: public ranges, and narrow ones. */
const cidr = z
  .string()
  .regex(
    /^([0-9]{1,3}\.){3}[0-9]{1,3}\/([0-9]|[12][0-9]|3[0-2])$|^::\/0$|^[23][0-9a-f]{3}:[0-9a-f:]*\/([1-9][0-9]?|1[01][0-9]|12[0-8])$|^[0-9a-f:]+\/(3[2-9]|[4-9][0-9]|1[01][0-9]|12[0-8])$/,
  );

const image = z.strictObject({
  repository: z.string().min(1).describe("Where the operator's image is pulled from, without a tag."),
  tag: z.string().min(1).optional().describe("Its tag. Absent: the chart's appVersion."),
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/)
    .optional()
    .describe("Its digest, which counts where both are written."),
  pullPolicy: z.enum(["IfNotPresent", "Always", "Never"]).describe("When it is pulled."),
});

const networkPolicy = z.strictObject({
  enabled: switched("Whether the operator's own NetworkPolicy is made."),
  apiServer: z
    .strictObject({
      cidrs: opened(cidr, "Its addresses, as pods reach them."),
      ports: opened(z.int().min(1).max(65535), "Its ports, behind the Service kubernetes too."),
    })
    .describe("The cluster's API server."),
  aws: z.strictObject({ cidrs: opened(cidr, "Addresses of STS, IAM and ECR.") }).describe("Where AWS is reached, on port 443."),
  prometheus: z
    .strictObject({
      cidrs: opened(cidr, "Its addresses. Absent: the pods of the monitoring namespace.").optional(),
      ports: opened(z.int().min(1).max(65535), "Ports that its pods listen on."),
    })
    .describe("The Prometheus of config.slos.prometheus, where that names one that is not AWS's."),
});

const policies = z.strictObject({
  enabled: switched("Whether the ValidatingAdmissionPolicies are made."),
  validationActions: z
    .array(z.enum(["Deny", "Warn", "Audit"]))
    .min(1)
    .describe("What happens to a request that breaks a rule."),
  platformGroups: z.array(z.string().min(1)).describe("Groups of the platform team."),
  trustedUsers: z.array(z.string().min(1)).describe("Users of controllers that make pods or write traffic for services."),
});

const prometheusRule = z.strictObject({
  enabled: switched("Whether the PrometheusRule is made."),
  labels: strings("Labels that your Prometheus selects it by."),
  runbookUrl: z
    .string()
    .regex(/^(https?:\/\/[!-~]+)?$/)
    .describe("URL of an alert's runbook, in which {alert} is filled in. Empty: no link."),
});

const dashboards = z.strictObject({
  enabled: switched("Whether the ConfigMap of the dashboards is made."),
  namespace: z.string().describe("Namespace of the ConfigMap. Empty: the release's."),
  labels: strings("Labels by which Grafana's sidecar finds it."),
  annotations: strings("Its annotations, as grafana_folder."),
});

const chartValues = z.strictObject({
  global: anyObject("What Helm hands down from a parent chart; not read.").optional(),
  image: image.describe("The operator's image."),
  imagePullSecrets: z.array(z.strictObject({ name: z.string() })).describe("Secrets of its registry."),
  config: operatorConfigFile.describe("The operator's configuration file."),
  serviceAccount: z
    .strictObject({
      roleArn: z.union([z.literal(""), z.string().regex(/^arn:aws[a-z-]*:iam::[0-9]{12}:role\/.+$/)]).describe("Its IAM role."),
    })
    .describe("The operator's ServiceAccount."),
  replicas: z.int().min(0).max(5).describe("Number of operators: one works, or as many as there are shards, and the others wait."),
  shards: z
    .int()
    .min(1)
    .max(MOST_SHARDS)
    .describe("Into how many shards the services are divided, each worked on by one operator at a time."),
  logLevel: z.enum(["trace", "debug", "info", "warn", "error"]).describe("How much it says."),
  workers: z.int().min(1).describe("Services worked on at the same time."),
  perServiceMetrics: z.enum(["Full", "Aggregate"]).describe("Aggregate: no series for each service."),
  resources: anyObject("Requests and limits of its container."),
  priorityClassName: z.string().describe("PriorityClass of its pods."),
  nodeSelector: strings("Labels of the nodes it runs on."),
  tolerations: z.array(anyObject("A toleration.")).describe("Taints that it tolerates."),
  affinity: anyObject("Affinity of its pods."),
  podAnnotations: strings("Annotations of its pods."),
  volumes: z.array(anyObject("A volume.")).describe("Volumes of its pods, beside its configuration's."),
  volumeMounts: z.array(anyObject("Where one is mounted.")).describe("Where its container has them."),
  podMonitor: z
    .strictObject({ enabled: switched("Whether it is made."), labels: strings("Labels that your Prometheus selects it by.") })
    .describe("The operator's own PodMonitor."),
  prometheusRule: prometheusRule.describe("Alerts on the operator, and on services that it cannot make ready."),
  dashboards: dashboards.describe("Grafana dashboards of a service and of the fleet."),
  networkPolicy: networkPolicy.describe("The operator's own NetworkPolicy."),
  flowSchemas: z
    .strictObject({
      enabled: switched("Whether they are made."),
      priorityLevel: z.string().min(1).describe("The PriorityLevelConfiguration of the operator's requests, but for those for its leases."),
    })
    .describe("FlowSchemas of the API server's priority and fairness."),
  rbac: z
    .strictObject({ aggregate: switched("Whether the cluster's view and edit carry the right to read and to write PlatformServices.") })
    .describe("What people may do."),
  priorityClasses: z.strictObject({ enabled: switched("Whether they are made.") }).describe("The PriorityClasses that the tiers name."),
  tiers: z.record(z.string(), platformTierSpec).describe("Tiers to make: what is written is put over the spec of a shipped one."),
  policies: policies.describe("ValidatingAdmissionPolicies."),
});

/** Only these have no default in values.yaml. */
const REQUIRED = ["config", "image"];

export function chartValuesSchema(): JsonSchema {
  const { properties = {}, ...schema } = editorSchema(chartValues);
  const { tiers, ...others } = properties;
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the chart platform-operator",
    ...schema,
    required: REQUIRED,
    properties: { ...others, ...(tiers && { tiers: asOverride(tiers) }) },
  };
}

/** Of a schema of what is put over a shipped value: nothing is required, and nothing has a default. */
const LEFT_OUT: ReadonlySet<string> = new Set(["required", "default"]);

function asOverride(whole: JsonSchema): JsonSchema {
  const { properties, additionalProperties, ...schema } = whole;
  return {
    ...Object.fromEntries(Object.entries(schema).filter(([keyword]) => !LEFT_OUT.has(keyword))),
    ...(properties && { properties: Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, asOverride(inner)])) }),
    ...(additionalProperties === undefined
      ? {}
      : { additionalProperties: typeof additionalProperties === "object" ? asOverride(additionalProperties) : additionalProperties }),
  };
}
