import { eventually, get, holds, same, type Claim, type DemoContext } from "./claims.ts";

/** Claims about the children in the API server. */

const REPAIR_MS = 20_000;

interface Named {
  readonly metadata: {
    readonly name: string;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
    readonly resourceVersion: string;
  };
}

interface List<T> {
  readonly items: readonly T[];
}

interface Pod extends Named {
  readonly spec: { readonly nodeName?: string; readonly containers: readonly { readonly name: string }[] };
}

const CHILDREN =
  "serviceaccount,networkpolicy,poddisruptionbudget,deployment,service,horizontalpodautoscaler,virtualservice,serviceentry,sidecar,peerauthentication,authorizationpolicy";

export const kubeClaims: readonly Claim[] = [
  {
    title: "tracking has every child, each controlled by its PlatformService",
    async check(context) {
      const { items } = await get<List<Named & { kind: string }>>(
        context,
        CHILDREN,
        "-n",
        "tracking",
        "-l",
        "app.kubernetes.io/managed-by=platform-operator",
      );
      const kinds = new Set(items.map((i) => i.kind));
      same(
        [...kinds].toSorted(),
        [
          "AuthorizationPolicy",
          "Deployment",
          "HorizontalPodAutoscaler",
          "NetworkPolicy",
          "PeerAuthentication",
          "PodDisruptionBudget",
          "Service",
          "ServiceAccount",
          "ServiceEntry",
          "Sidecar",
          "VirtualService",
        ],
        "kinds",
      );
      for (const item of items)
        same(
          item.metadata.ownerReferences?.map((o) => `${o.kind} ${o.name}`),
          ["PlatformService tracking"],
          `owner of ${item.kind} ${item.metadata.name}`,
        );
    },
  },
  {
    title: "matching answers within 250 ms, in three tries",
    async check(context) {
      const { spec } = await get<{ spec: { http: { timeout: string; retries: { attempts: number; perTryTimeout: string } }[] } }>(
        context,
        "virtualservice/matching",
        "-n",
        "dispatch",
      );
      same(
        { timeout: spec.http[0]?.timeout, attempts: spec.http[0]?.retries.attempts },
        { timeout: "250ms", attempts: 2 },
        "timeout, and retries after the first try",
      );
    },
  },
  {
    title: "matching is called by dispatch and booking only",
    async check(context) {
      const { spec } = await get<{ spec: { rules: { from?: { source: { principals?: string[] } }[] }[] } }>(
        context,
        "authorizationpolicy/matching",
        "-n",
        "dispatch",
      );
      const principals = spec.rules.flatMap((r) => r.from ?? []).flatMap((f) => f.source.principals ?? []);
      same(principals.toSorted(), ["cluster.local/ns/booking/sa/booking", "cluster.local/ns/dispatch/sa/dispatch"], "principals");
    },
  },
  {
    title: "settlement runs on the payments pool and nowhere else; matching spreads over three zones",
    async check(context) {
      for (const pod of await podsOf(context, "payments", "settlement")) {
        const labels = await nodeLabels(context, pod);
        same(
          `${labels["karpenter.sh/nodepool"] ?? ""} ${labels["karpenter.sh/capacity-type"] ?? ""}`,
          "payments on-demand",
          `node of ${pod.metadata.name}`,
        );
      }
      const zones = await Promise.all(
        (await podsOf(context, "dispatch", "matching")).map(
          async (pod) => (await nodeLabels(context, pod))["topology.kubernetes.io/zone"] ?? "",
        ),
      );
      same([...new Set(zones)].toSorted(), ["eu-west-1a", "eu-west-1b", "eu-west-1c"], "zones");
    },
  },
  {
    title: "a NetworkPolicy that is opened behind the operator's back is put back",
    async check(context) {
      const name = "networkpolicy/tracking-callers";
      const before = await get<{ spec: unknown }>(context, name, "-n", "tracking");
      await context.environment.plane.kubectl([
        "patch",
        name,
        "-n",
        "tracking",
        "--type=merge",
        "-p",
        JSON.stringify({ spec: { ingress: [{}] } }),
      ]);
      const seconds = await eventually(
        async () => same((await get<{ spec: unknown }>(context, name, "-n", "tracking")).spec, before.spec, "spec"),
        REPAIR_MS,
      );
      context.say(`put back after ${seconds.toFixed(2)} s`);
    },
  },
  {
    title: "a container added to a Deployment is removed, while `kubectl rollout restart` is left alone",
    async check(context) {
      const { plane } = context.environment;
      const names = async (): Promise<readonly string[]> => {
        const { spec } = await get<{ spec: { template: Pod } }>(context, "deployment/tracking", "-n", "tracking");
        return spec.template.spec.containers.map((c) => c.name);
      };
      const intruder = { spec: { template: { spec: { containers: [{ name: "miner", image: "example.com/miner:1" }] } } } };
      await plane.kubectl(["patch", "deployment/tracking", "-n", "tracking", "--type=strategic", "-p", JSON.stringify(intruder)]);
      const seconds = await eventually(async () => same(await names(), ["app"], "containers"), REPAIR_MS);
      context.say(`removed after ${seconds.toFixed(2)} s`);
      await plane.kubectl(["rollout", "restart", "deployment/tracking", "-n", "tracking"]);
      await plane.kubectl(["rollout", "status", "deployment/tracking", "-n", "tracking", "--timeout=60s"]);
      const { spec } = await get<{ spec: { template: { metadata: { annotations?: Record<string, string> } } } }>(
        context,
        "deployment/tracking",
        "-n",
        "tracking",
      );
      holds(
        spec.template.metadata.annotations?.["kubectl.kubernetes.io/restartedAt"] !== undefined,
        "the restart's annotation was taken off",
      );
    },
  },
];

async function podsOf(context: DemoContext, namespace: string, service: string): Promise<readonly Pod[]> {
  const { items } = await get<List<Pod>>(context, "pods", "-n", namespace, "-l", `platform-operator.dev/service=${service}`);
  holds(items.length > 0, `${service} has no pods`);
  return items;
}

async function nodeLabels(context: DemoContext, pod: Pod): Promise<Record<string, string>> {
  return (await get<{ metadata: { labels: Record<string, string> } }>(context, `node/${pod.spec.nodeName ?? ""}`)).metadata.labels;
}
