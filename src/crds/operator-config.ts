import { z } from "zod";
import { DURATION } from "./fields.ts";
import { prometheus } from "./prometheus-config.ts";
import { labelSelector } from "./platform-tier.ts";
import { actionPattern, WAIVABLE_RULES } from "./policy-rules.ts";

/** The configuration file: facts of the cluster that no squad decides. Parsed once; every default is here. */

const arn = z
  .string()
  .max(2048)
  .regex(/^arn:aws[a-z-]*:/, "must be an ARN");
const policyArn = z
  .string()
  .max(2048)
  .regex(
    /^arn:aws[a-z-]*:iam::[0-9]{12}:policy\/[!-~]+$/,
    "must be the ARN of an IAM policy, as arn:aws:iam::111122223333:policy/platform-boundary",
  );
const managedPolicyArn = z
  .string()
  .max(2048)
  .regex(
    /^arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy\/[A-Za-z0-9_+=,.@/-]+$/,
    "must be the ARN of one IAM policy, without wildcards, as arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess",
  );
const cidr = z
  .string()
  .max(43)
  .regex(/^([0-9]{1,3}\.){3}[0-9]{1,3}\/[0-9]{1,2}$|^[0-9a-f:]+\/[0-9]{1,3}$/, "must be an address range in CIDR form, as 10.0.0.0/8");
const cidrs = (description: string) => z.array(cidr).max(200).default([]).describe(description);
const rate = z
  .string()
  .max(16)
  .regex(/^[1-9][0-9]*\/s$/, "must be a rate such as 10/s");
const name = z.string().min(1).max(253);

const accountId = z.string().regex(/^[0-9]{12}$/, "must be twelve digits, in quotes");

const cluster = z.strictObject({
  name: z
    .string()
    .min(1)
    .max(100)
    .regex(/^[0-9A-Za-z][A-Za-z0-9_-]*$/, "must be the name of an EKS cluster: letters, digits, - and _")
    .describe("Name of the EKS cluster. With the region it marks, as a tag, what in AWS is ours."),
  region: z
    .string()
    .max(32)
    .regex(/^[a-z]{2}(-[a-z]+)+-[0-9]$/, "must be an AWS region, as eu-west-1")
    .describe("AWS region of the cluster and of the repositories, as eu-west-1."),
  accountId: accountId.describe("AWS account that roles and repositories are made in; twelve digits, in quotes."),
  oidcIssuer: z
    .url({ protocol: /^https$/ })
    // IAM's own limit for a provider; with it every trust policy stays below IAM's 2,048 characters.
    .max(255)
    .describe("The cluster's OIDC issuer, which the roles trust, as https://oidc.eks.eu-west-1.amazonaws.com/id/ABC."),
});

const identityMode = z.enum(["IRSA", "PodIdentity"]);

const identity = z
  .strictObject({
    default: identityMode
      .default("IRSA")
      .describe(
        "How pods get their role's credentials where a service does not say (aws.identity); one of modes. Changing it rolls services out.",
      ),
    modes: z
      .array(identityMode)
      .min(1)
      .max(2)
      .default(["IRSA"])
      .describe(
        "What of it the cluster has: IRSA (an OIDC provider in IAM), PodIdentity (the EKS Pod Identity Agent on every node). A service that names another is refused. " +
          "With PodIdentity among them every pod template carries the token of its mode itself, so adding it rolls every service out, paced; remove one only when " +
          "no service has it any more, since with it goes the operator's right to take its bindings away.",
      ),
    permissionsBoundaryArn: policyArn.describe("Permissions boundary of every role whose tier names none."),
    allowedBoundaryArns: z.array(policyArn).max(50).default([]).describe("Boundaries that a tier may name, beside permissionsBoundaryArn."),
    allowedManagedPolicyArns: z
      .array(managedPolicyArn)
      .max(12)
      .default([])
      .describe(
        "Managed policies that services may name in aws.managedPolicyArns, each by its exact ARN. None: no service may, and the operator's own policy lets it attach nothing.",
      ),
    trustedAccounts: z
      .array(accountId)
      .max(100)
      .default([])
      .describe(
        "Other accounts, by their twelve digits in quotes, whose roles a service's policy may assume (sts:AssumeRole, sts:TagSession, sts:SetSourceIdentity), " +
          "each role by its ARN and within resourceArns of the tenancy. The boundary has to allow it too, and the role there to trust the service's. None: no role of another account.",
      ),
  })
  .refine(({ default: byDefault, modes }) => modes.includes(byDefault), {
    path: ["default"],
    error: "identity.default must be one of identity.modes: add it to modes if the cluster has it, or name one that is listed",
  })
  // The operator's own IAM policy lists them, and is one managed policy of at most 6,144 characters.
  .refine(({ allowedManagedPolicyArns, modes }) => !modes.includes("PodIdentity") || allowedManagedPolicyArns.length <= 9, {
    path: ["allowedManagedPolicyArns"],
    error:
      "with PodIdentity among identity.modes at most 9 managed policies can be listed, since the operator's own policy has no room for more: list fewer",
  });

const tenant = z.strictObject({
  namespaceSelector: labelSelector.describe("Namespaces that the entry is for, by their labels."),
  owners: z
    .array(z.string().min(1).max(63))
    .min(1)
    .max(100)
    .describe('Owners that services of these namespaces may name, as [tracking-squad]; "*" allows any.'),
  resourceArns: z
    .array(z.string().min(1).max(2048))
    .max(200)
    .default([])
    .describe("ARN patterns, with * and ?, that policies of these namespaces may name. None: no resource."),
  existingRoleArns: z
    .array(z.string().min(1).max(2048))
    .max(200)
    .default([])
    .describe(
      "ARN patterns, with * and ?, of roles that others own and services of these namespaces may use as aws.existingRole. None: no role.",
    ),
  existingRepositories: z
    .array(
      z
        .string()
        .max(256)
        .regex(/^[a-z0-9._/*?-]+$/, "must be the whole name of a repository, registry.repositoryPrefix included; * and ? are wildcards"),
    )
    .max(50)
    .default([])
    .describe(
      "Whole names, registry.repositoryPrefix included, with * and ?, of repositories that others own and services of these namespaces may use with image.repositoryMode Existing, as [shared/*].",
    ),
});

const waiver = z.strictObject({
  rule: z.enum(WAIVABLE_RULES).describe("The rule that does not hold, by the reason that a service is refused with."),
  namespaceSelector: labelSelector.describe("Namespaces whose services it does not hold for, by their labels."),
  actions: z.array(actionPattern).min(1).max(50).describe("For statements that have these actions alone, as [dynamodb:Get*]."),
  resources: z
    .array(z.string().min(1).max(2048))
    .min(1)
    .max(50)
    .default(["*"])
    .describe("And these resources alone, as ARNs with * and ?."),
  reason: z.string().min(1).max(256).describe("Why, for whoever reads the service's status."),
});

const policies = z.strictObject({
  deniedActions: z
    .array(actionPattern)
    .max(200)
    .default([])
    .describe("Actions that no service may be allowed, beside what the rules refuse, as [s3:DeleteBucket]. A tier may deny more."),
  allowedActions: z
    .array(actionPattern)
    .min(1)
    .max(200)
    .default(["*"])
    .describe("The only actions that services may be allowed; what the rules refuse stays refused. A tier may allow fewer."),
  waivers: z
    .array(waiver)
    .max(200)
    .default([])
    .describe("Rules that do not hold for some statements. Each that is used is told in the service's SpecValid, with its reason."),
});

const registry = z.strictObject({
  mode: z
    .enum(["Own", "Existing"])
    .default("Own")
    .describe(
      "Own: a repository is made for each service. Existing: those of namespace and service are somebody else's, as another cluster's that shares " +
        "the account; they are verified and used, never changed or deleted, and what a service writes of retain and deletionPolicy is for their owner. " +
        "A service may say otherwise (image.repositoryMode).",
    ),
  repositoryPrefix: z
    .string()
    .max(128)
    .regex(/^([a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*\/)*$/, "must be empty, or end with /, as prod/")
    .default("")
    .describe(
      "Put before every repository's name, as prod/, but one that a service names beside image.repositoryMode Existing. Changing it later makes new repositories.",
    ),
  encryption: z
    .strictObject({
      type: z.enum(["AES256", "KMS"]).default("AES256").describe("AES256 (a key of Amazon's) or KMS."),
      kmsKey: arn.optional().describe("ARN of the KMS key. Absent: the account's aws/ecr key."),
    })
    .prefault({})
    .describe("Encryption of new repositories; AWS cannot change it afterwards."),
});

const providers = z.enum(["Istio", "AppMesh", "None"]);
const dataPlanes = z.enum(["Sidecar", "Ambient"]);

const image = z
  .string()
  .max(1024)
  .regex(/^[a-z0-9.-]+(:[0-9]+)?(\/[a-z0-9._-]+)+(:[A-Za-z0-9._-]+)?(@sha256:[0-9a-f]{64})?$/, "must name an image with its registry");

const appMesh = z.strictObject({
  meshName: z
    .string()
    .max(255)
    .regex(/^[A-Za-z0-9_-]+$/, "must be the name of a mesh: letters, digits, - and _")
    .describe(
      "Name of the mesh in AWS: the platform's, never made here. What services may call is for their NetworkPolicies, so its egress filter is ALLOW_ALL.",
    ),
  envoyImage: image.describe(
    "Image of AWS's Envoy, which every pod of the mesh gets; best by digest, from a registry of your own. Changing it rolls services out.",
  ),
  proxyInitImage: image.describe(
    "Image of AWS's proxy-route-manager (aws-appmesh-proxy-route-manager), which leads a pod's traffic through Envoy as it starts. Changing it rolls services out.",
  ),
  certificates: z
    .strictObject({
      issuer: z
        .strictObject({
          name: name.describe("Its name."),
          kind: z.string().min(1).max(63).default("ClusterIssuer").describe("Its kind; an Issuer has to be in every namespace."),
          group: z.string().min(1).max(253).default("cert-manager.io").describe("Its API group."),
        })
        .describe(
          "The cert-manager issuer. Its Secrets need ca.crt, and who may be issued what is for its approver: any certificate of it with a service's name is that service.",
        ),
      trustDomain: z.string().min(1).max(253).default("cluster.local").describe("Trust domain: the first part of every workload identity."),
    })
    .nullable()
    .default(null)
    .describe(
      "How services get certificates for mutual TLS. null: there is no TLS in the mesh, and a tier with mtls Strict is refused in it. A certificate that is renewed rolls its service out, since Envoy reads files once.",
    ),
  retired: z
    .boolean()
    .default(false)
    .describe(
      "true: App Mesh is gone for good. Nothing is called any more, and what a service that leaves it, or is deleted, had there is let go and named. Never write it because of an outage.",
    ),
});

const mesh = z
  .strictObject({
    default: providers.default("Istio").describe("Mesh of every namespace that no override selects."),
    overrides: z
      .array(
        z
          .strictObject({
            namespaceSelector: labelSelector.describe("Namespaces that the override is for."),
            provider: providers.describe("Their mesh."),
            dataPlane: dataPlanes.optional().describe("Their data plane, with provider Istio. Absent: istio.dataPlane."),
          })
          .refine(({ provider, dataPlane }) => provider === "Istio" || dataPlane === undefined, {
            path: ["dataPlane"],
            error: "only Istio has data planes: remove dataPlane, or write provider: Istio",
          }),
      )
      .max(100)
      .default([])
      .describe("Namespaces in another mesh than the default; the first entry that selects a namespace decides."),
    istio: z
      .strictObject({
        dataPlane: dataPlanes
          .default("Sidecar")
          .describe(
            "Sidecar: a proxy in each pod. Ambient: a proxy on each node, and a waypoint for services with routes or resilience; needs Gateway API.",
          ),
        waypoint: z
          .strictObject({
            name: z
              .string()
              .max(63)
              .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/, "must be the name of a Gateway, as waypoint")
              .default("waypoint")
              .describe("Its name."),
            namespace: z
              .string()
              .min(1)
              .max(63)
              .nullable()
              .default(null)
              .describe("Its namespace, where one waypoint is for all. null: each service's own namespace has one of this name."),
          })
          .prefault({})
          .describe("The Gateway of class istio-waypoint that services of the ambient data plane share. The platform's, never made here."),
        revision: z.string().min(1).max(63).default("default").describe("Istio revision (istio.io/rev) that the pods join."),
        namespace: z.string().min(1).max(63).default("istio-system").describe("Namespace that istiod runs in."),
        trustDomain: z
          .string()
          .min(1)
          .max(253)
          .default("cluster.local")
          .describe("Trust domain of the mesh: the first part of every workload identity."),
      })
      .prefault({})
      .describe("How Istio is installed."),
    appMesh: appMesh
      .nullable()
      .default(null)
      .describe("AWS App Mesh, which a namespace needs that is in it or leaves it. null: there is none."),
  })
  .refine(({ appMesh: settings, ...written }) => settings !== null || !usesAppMesh(written), {
    path: ["appMesh"],
    error: "default or an entry of overrides names AppMesh: write its meshName, envoyImage and proxyInitImage, or name another mesh",
  });

function usesAppMesh(written: { readonly default: string; readonly overrides: readonly { readonly provider: string }[] }): boolean {
  return [written.default, ...written.overrides.map(({ provider }) => provider)].includes("AppMesh");
}

const podLabels = z.record(z.string().max(317), z.string().max(63));
const ports = z.array(z.int().min(1).max(65_535)).min(1).max(20);

/** Ways that the platform opens, from or to whom each entry names. */
const openings = <Ports extends z.ZodType>(ofEntry: Ports) =>
  z
    .array(
      z
        .strictObject({
          name: name.max(63).describe("Name of the entry, as telemetry: each once in the list."),
          namespace: z.string().min(1).max(63).optional().describe("Namespace of its pods. Either namespace or cidr."),
          labels: podLabels.optional().describe("Labels of its pods. Absent: every pod of the namespace."),
          cidr: cidr.optional().describe("Address range, as 10.60.0.0/16. Either cidr or namespace."),
          ports: ofEntry,
        })
        .refine(
          ({ namespace, labels, cidr: range }) =>
            (namespace === undefined) !== (range === undefined) && (labels === undefined || namespace !== undefined),
          { error: "write either namespace, with labels or without, or cidr, in each entry" },
        ),
    )
    .max(50)
    .refine((entries) => new Set(entries.map((entry) => entry.name)).size === entries.length, {
      error: "give each entry a name of its own",
    })
    .default([]);

const network = z.strictObject({
  dns: z
    .strictObject({
      namespace: name.default("kube-system").describe("Namespace of the cluster's DNS."),
      labels: podLabels.default({ "k8s-app": "kube-dns" }).describe("Labels of its pods."),
      nodeLocal: z.string().max(43).nullable().default(null).describe("Address of NodeLocal DNSCache, as 169.254.20.10. null: not used."),
    })
    .prefault({})
    .describe("Where names are resolved."),
  monitoringNamespace: name.default("monitoring").describe("Namespace whose pods may scrape metrics ports."),
  awsEndpointCidrs: z
    .strictObject({
      interface: cidrs("Addresses of the interface endpoints, which all services but S3 and DynamoDB are reached through."),
      s3: cidrs("Addresses of S3's prefix list."),
      dynamodb: cidrs("Addresses of DynamoDB's prefix list."),
    })
    .prefault({})
    .describe(
      "Where AWS is reached, for the network policies. A service that a policy names and that has no range here is refused (NoEgressFor).",
    ),
  platformIngress: openings(
    ports.optional().describe("TCP ports that are opened. Absent: the service's own port, if it has one."),
  ).describe(
    "What the platform lets in at every service of every tier, strict isolation included, as an edge's gateways. It opens the network alone: in a mesh " +
      "who may call is still what callers say, and mutual TLS is asked for as before. A change reaches every service.",
  ),
  platformEgress: openings(ports.describe("TCP ports that are opened: of pods, those that they listen on, as 4317.")).describe(
    "What the platform lets every service of every tier reach, strict isolation included, as a telemetry collector. Istio's sidecars get to know " +
      "the namespace's Services and the range; what the other side lets in, and a waypoint before it outside the namespace, is not opened by this. A change reaches every service.",
  ),
  privateCidrs: z
    .array(cidr)
    .max(200)
    .default(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"])
    .describe("Ranges that a dependency on an outside host never opens."),
  clusterDomain: z.string().min(1).max(253).default("cluster.local").describe("DNS domain of the cluster."),
});

const link = (what: string) =>
  z
    .string()
    .max(1024)
    .regex(/^https?:\/\/[!-~]+$/, "must be a URL, in which {namespace}, {service}, {slo} and {alert} are filled in")
    .nullable()
    .default(null)
    .describe(`${what}, for every alert; {namespace}, {service}, {slo} and {alert} are filled in. null: none.`);

/** PromQL's, of a label; those with two underscores are Prometheus' own. */
const labelName = z
  .string()
  .max(128)
  .regex(/^_?[A-Za-z][A-Za-z0-9_]*$/, "must be the name of a Prometheus label, as cluster");

const slos = z.strictObject({
  delivery: z
    .enum(["PrometheusRule", "ConfigMap", "AmazonManagedPrometheus"])
    .default("PrometheusRule")
    .describe(
      "How rules reach a Prometheus: PrometheusRule (the Prometheus Operator), ConfigMap (a rule file, for whoever loads those), " +
        "AmazonManagedPrometheus (a rule groups namespace in workspaceArn). After a change the rules are taken from where they were.",
    ),
  workspaceArn: z
    .string()
    .max(2048)
    .regex(
      /^arn:aws[a-z-]*:aps:[a-z0-9-]+:[0-9]{12}:workspace\/[0-9A-Za-z][-.0-9A-Z_a-z]{0,63}$/,
      "must be the ARN of a workspace, as arn:aws:aps:eu-west-1:111122223333:workspace/ws-0123abcd",
    )
    .nullable()
    .default(null)
    .describe(
      "The workspace of Amazon Managed Service for Prometheus; its region may be another than the cluster's. With another delivery what is there of a service is removed, " +
        "so take it away only when that is done: what is there then stays, and each service names it once. null: Amazon Managed Service for Prometheus is never called.",
    ),
  seriesLabels: z
    .record(labelName, z.string().min(1).max(256))
    .default({})
    .describe(
      "Labels by which the mesh's series are selected, and which the recorded series and alerts carry: where one Prometheus holds the series of several clusters, as cluster: prod-1.",
    ),
  namespaceLabel: labelName
    .nullable()
    .default("namespace")
    .describe(
      "The label that tells a series' namespace, as Prometheus sets it when it scrapes a pod. A service's own queries read the series of its own namespace alone. null: any.",
    ),
  ruleLabels: z
    .record(z.string().max(317), z.string().max(63))
    .default({})
    .describe("Labels of the PrometheusRules or ConfigMaps, by which a Prometheus or its sidecar finds them, as release: prometheus."),
  runbookUrl: link("URL of the runbook"),
  dashboardUrl: link("URL of the dashboard"),
  prometheus: prometheus
    .nullable()
    .default(null)
    .describe("Which Prometheus is asked what is left of the error budgets, for the services' status. null: none, and they are Unknown."),
});

const wholeFile = z.strictObject({
  cluster: cluster.describe("Which cluster this is, and whose."),
  identity: identity.describe("What the roles can never exceed."),
  tenancy: z
    .array(tenant)
    .max(1000)
    .default([])
    .describe("What the services of a namespace may name: all that the entries that select it allow together. Nothing listed: refused."),
  policies: policies.prefault({}).describe("What policies of services may say."),
  rollout: z
    .strictObject({
      maxConcurrent: z
        .union([z.int().min(1), z.string().regex(/^([1-9][0-9]?|100)%$/, "must be a number or a percentage from 1% to 100%")])
        .default("5%")
        .describe(
          "Services of a tier that are rolled out at the same time for a reason outside their own spec: a number, or percent of the tier, at least one.",
        ),
    })
    .prefault({})
    .describe("How changes of tiers, of this file and of the operator reach the services."),
  registry: registry.prefault({}).describe("How ECR repositories are made."),
  mesh: mesh.prefault({}).describe("Which mesh a service is in."),
  network: network.prefault({}).describe("Facts that the network policies need."),
  slos: slos.prefault({}).describe("How SLOs become rules."),
  kubernetes: z
    .strictObject({
      limit: rate
        .nullable()
        .default(null)
        .describe(
          "Most requests a second to the API server, watches and leases not counted. null: none of ours; its own priority and fairness hold.",
        ),
    })
    .prefault({})
    .describe("How the API server is called."),
  aws: z
    .strictObject({
      endpoint: z.url().max(512).nullable().default(null).describe("URL of all AWS APIs, for an emulator. null: AWS itself."),
      sweepInterval: z
        .string()
        .max(32)
        .regex(DURATION, "must be a duration such as 10m")
        .default("10m")
        .describe("How often all that is ours in AWS is read and compared."),
      limits: z
        .strictObject({
          iam: rate.default("10/s").describe("Calls to IAM."),
          ecr: rate.default("20/s").describe("Calls to ECR."),
          eks: rate.default("5/s").describe("Calls to EKS, for Pod Identity."),
          appmesh: rate.default("20/s").describe("Calls to App Mesh."),
          aps: rate.default("5/s").describe("Calls to Amazon Managed Service for Prometheus."),
        })
        .prefault({})
        .describe("Most calls a second, so that the account's other users are left room."),
    })
    .prefault({})
    .describe("How AWS is called."),
});

export const operatorConfigFile = wholeFile
  .refine(({ slos: { delivery, workspaceArn } }) => delivery !== "AmazonManagedPrometheus" || workspaceArn !== null, {
    path: ["slos", "workspaceArn"],
    error: "slos.delivery is AmazonManagedPrometheus: write the ARN of the workspace, or choose another delivery",
  })
  .refine(
    ({ cluster: { accountId: account }, slos: { workspaceArn } }) => workspaceArn === null || workspaceArn.split(":")[4] === account,
    {
      path: ["slos", "workspaceArn"],
      error: "must be a workspace of the account cluster.accountId, where the operator's role is: name one of that account",
    },
  );

/** The parsed file; frozen at start. */
export type OperatorConfig = z.output<typeof operatorConfigFile>;
