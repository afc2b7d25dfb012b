import { z } from "zod";
import { atomicList, containerPort, mapList, objectName, rules, setList, text, urlPath, type Rule } from "../fields.ts";

/** `spec.container` and `spec.scaling`: what a squad sets of its pods. The rest is the platform's hardening. */

const CPU = "[0-9]+(\\.[0-9]{1,3})?|[0-9]+m";
const MEMORY = "[0-9]+(\\.[0-9]{1,3})?(k|Ki|M|Mi|G|Gi|T|Ti)?";

/** Beyond 2^63 the API server writes another number than the one it is given (apimachinery, resource.Quantity), so that what is applied would never be as desired. */
function quantity(name: string, { pattern, example, most }: { pattern: string; example: string; most: string }): z.ZodString {
  return text({
    pattern: new RegExp(`^(${pattern})$`),
    says: `${name} must be a quantity such as ${example}`,
    max: 32,
    rules: [
      { rule: "self.matches('[1-9]')", message: `${name} must be more than zero: write for example ${example}, or leave it out` },
      {
        rule: `!self.matches(r'^(${pattern})$') || quantity(self).compareTo(quantity('${most}')) <= 0`,
        message: `${name} must be at most ${most}, which is more than any node has: write for example ${example}`,
      },
    ],
  });
}

const cpu = (name: string) => quantity(name, { pattern: CPU, example: "250m (a quarter of a core) or 2", most: "10000" });
const memory = (name: string) => quantity(name, { pattern: MEMORY, example: "256Mi or 1Gi", most: "1000Ti" });

/** CEL: the request is at most the limit, where both are written and are quantities. */
function requestWithinLimit(resource: "cpu" | "memory", pattern: string): { rule: string; message: string; fieldPath: string } {
  const both = `has(self.requests) && has(self.requests.${resource}) && has(self.limits) && has(self.limits.${resource})`;
  const readable = ["requests", "limits"].map((side) => `self.${side}.${resource}.matches(r'^(${pattern})$')`).join(" && ");
  return {
    rule: `!(${both}) || !(${readable}) || quantity(self.requests.${resource}).compareTo(quantity(self.limits.${resource})) <= 0`,
    message: `resources.requests.${resource} must not be above resources.limits.${resource}: lower the request or raise the limit`,
    fieldPath: `.requests.${resource}`,
  };
}

const resources = z
  .strictObject({
    requests: z
      .strictObject({
        cpu: cpu("requests.cpu").optional().describe("Cores to reserve, as 250m or 2. Autoscaling measures use against it."),
        memory: memory("requests.memory").optional().describe("Bytes to reserve, as 256Mi."),
      })
      .optional()
      .describe(
        "What the scheduler reserves for each pod. Default: the limit, where one is written, else 100m of CPU and 128Mi of memory.",
      ),
    limits: z
      .strictObject({
        cpu: cpu("limits.cpu").optional().describe("Cores at which the container is throttled, as 2. Absent: not throttled."),
        memory: memory("limits.memory")
          .optional()
          .describe("Bytes at which the container is killed (OOMKilled), as 512Mi. Absent: the node's memory."),
      })
      .optional()
      .describe("What each pod can never exceed."),
  })
  .meta(rules(requestWithinLimit("cpu", CPU), requestWithinLimit("memory", MEMORY)));

/** Keys may become files, and variables were held to the same (apimachinery, validation.IsConfigMapKey and IsEnvVarName). */
function noWayOut(name: string): Rule {
  return {
    rule: "self != '.' && !self.startsWith('..')",
    message: `${name} must neither be . nor begin with .., which Kubernetes takes for a way out of a folder: choose another name`,
  };
}

const valueFrom = z
  .strictObject({
    secret: objectName("valueFrom.secret").optional().describe("Name of a Secret in the service's namespace."),
    configMap: objectName("valueFrom.configMap").optional().describe("Name of a ConfigMap in the service's namespace."),
    key: text({
      pattern: /^[-._a-zA-Z0-9]+$/,
      says: "valueFrom.key must be a key of a Secret or ConfigMap: letters, digits, - _ and .",
      max: 253,
      rules: [noWayOut("valueFrom.key")],
    }).describe("Key in it whose value is taken."),
  })
  .meta(
    rules({
      rule: "has(self.secret) != has(self.configMap)",
      message: "valueFrom must name exactly one of secret and configMap: the one that holds the key",
    }),
  );

const environmentVariable = z
  .strictObject({
    name: text({
      pattern: /^[-._a-zA-Z][-._a-zA-Z0-9]*$/,
      says: "env name must be letters, digits, - _ and ., not beginning with a digit, as LOG_LEVEL",
      max: 253,
      rules: [noWayOut("env name")],
    }).describe("Name of the variable, as LOG_LEVEL."),
    value: z.string().max(32768).optional().describe("Its value, as written; $(NAME) refers to another variable."),
    valueFrom: valueFrom.optional().describe("Takes the value from a Secret or a ConfigMap. The pod does not start while that is missing."),
  })
  .meta(
    rules({
      rule: "has(self.value) != has(self.valueFrom)",
      message: 'each env entry must have exactly one of value and valueFrom: remove one, or write value: "" for an empty variable',
    }),
  );

const environmentSource = z
  .strictObject({
    configMap: objectName("envFrom configMap")
      .optional()
      .describe("Name of a ConfigMap in the service's namespace; each key becomes a variable."),
    secret: objectName("envFrom secret").optional().describe("Name of a Secret in the service's namespace; each key becomes a variable."),
  })
  .meta(
    rules({
      rule: "has(self.secret) != has(self.configMap)",
      message: "each envFrom entry must name exactly one of configMap and secret: write two entries for two sources",
    }),
  );

function probe(name: string) {
  return z.strictObject({
    path: urlPath(`probes.${name}.path`).describe("Path of an HTTP GET that answers 200-399 when all is well, as /ready."),
    port: containerPort(`probes.${name}.port`).optional().describe("Port that is asked. Default: spec.port."),
    periodSeconds: z.int().min(1).max(3600).optional().describe("Seconds between two probes. Default 10."),
    timeoutSeconds: z.int().min(1).max(3600).optional().describe("Seconds after which a probe without an answer has failed. Default 1."),
    failureThreshold: z.int().min(1).max(1000).optional().describe("Failures in a row that count. Default 3."),
  });
}

const writablePath = text({
  pattern: /^(\/[A-Za-z0-9._-]+)+$/,
  says: "each of writablePaths must be an absolute path below /, without a trailing / or a space, as /tmp",
  min: 2,
  max: 256,
  rules: [
    { rule: "!self.matches(r'/[.]{1,2}(/|$)')", message: "writablePaths must not use . or .. in a path: write the path that is meant" },
    {
      rule: "!self.matches('^/(proc|sys|dev|var/run/secrets)(/|$)')",
      message:
        "writablePaths must not cover /proc, /sys, /dev or /var/run/secrets, which the node provides: choose a directory of your own, as /tmp",
    },
  ],
});

export const container = z.strictObject({
  command: atomicList(z.string().max(4096), { max: 64 })
    .optional()
    .describe("Replaces the image's ENTRYPOINT; not run in a shell. Default: the image's."),
  args: atomicList(z.string().max(4096), { max: 64 }).optional().describe("Replaces the image's CMD. Default: the image's."),
  env: mapList(environmentVariable, { keys: ["name"], max: 200 })
    .optional()
    .describe("Environment variables, each name once. They win over envFrom."),
  envFrom: atomicList(environmentSource, { max: 32 })
    .optional()
    .describe("Takes every key of a ConfigMap or Secret as a variable; a later entry wins over an earlier one."),
  runAsUser: z
    .int()
    .min(1)
    .max(2147483647)
    .optional()
    .describe(
      "Numeric user id that the container runs as, as 10001. Needed where the image's USER is a name or root, since pods must run as non-root. " +
        "Default: the image's USER.",
    ),
  resources: resources.optional().describe("CPU and memory, requested and at most."),
  probes: z
    .strictObject({
      readiness: probe("readiness").optional().describe("While it fails, the pod gets no traffic."),
      liveness: probe("liveness").optional().describe("When it fails, the container is restarted."),
      startup: probe("startup")
        .optional()
        .describe("Until it succeeds, the other two are not asked; when it fails failureThreshold times, the container is restarted."),
    })
    .optional()
    .describe("How the kubelet asks whether the container is well. A probe needs spec.port or a port of its own."),
  metrics: z
    .strictObject({
      port: containerPort("container.metrics.port").describe("Port of the metrics endpoint, as 9090. It must not be spec.port."),
      path: urlPath("container.metrics.path").default("/metrics").describe("Path of the metrics endpoint."),
    })
    .optional()
    .describe("Prometheus metrics: the port is opened, in plain text, to the monitoring namespace alone."),
  writablePaths: setList(writablePath, { max: 16 })
    .optional()
    .describe(
      "Directories that the container may write, as /tmp; each is empty when a pod starts and gone with it. All else is read-only.",
    ),
});

export const scaling = z
  .strictObject({
    minReplicas: z.int().min(1).max(1000).optional().describe("Pods that always run. Default: the tier's availability.minReplicas."),
    maxReplicas: z
      .int()
      .min(1)
      .max(1000)
      .optional()
      .describe("Most pods that autoscaling may run. Default: four times minReplicas. Equal to minReplicas: no autoscaling."),
    cpuPercent: z
      .int()
      .min(10)
      .max(100)
      .optional()
      .describe("CPU use, in percent of the request, that autoscaling keeps the pods at. Default 70."),
  })
  .meta(
    rules({
      rule: "!has(self.minReplicas) || !has(self.maxReplicas) || self.minReplicas <= self.maxReplicas",
      message: "scaling.minReplicas must not be above scaling.maxReplicas: lower minReplicas or raise maxReplicas",
      fieldPath: ".minReplicas",
    }),
  );
