import {
  AppMeshClient,
  DescribeRouteCommand,
  DescribeVirtualNodeCommand,
  DescribeVirtualServiceCommand,
  ListRoutesCommand,
  type Duration,
} from "@aws-sdk/client-app-mesh";
import { DescribePodIdentityAssociationCommand, EKSClient, ListPodIdentityAssociationsCommand } from "@aws-sdk/client-eks";
import { GetRoleCommand } from "@aws-sdk/client-iam";
import { appMeshOf } from "../../crds/effective.ts";
import { virtualNodeName } from "../../resources/app-mesh/names.ts";
import { roleName } from "../../resources/iam/role.ts";
import { adminClient, adminIam } from "../environment.ts";
import { get, holds, same, type Claim } from "./claims.ts";

/** Claims about the services of config/dev/demo-services.yaml: one in App Mesh, one bound to its role by EKS Pod Identity. */

const PRINTER = { namespace: "labels", name: "printer" };
const ALERTS = { namespace: "alerts", name: "alerts" };

export const meshClaims: readonly Claim[] = [
  {
    title: "printer is in App Mesh: 20 s and one more try on its route and its listener, led there by its name, Envoy in each pod",
    async check(context) {
      const { config, emulator } = context.environment;
      const appMesh = new AppMeshClient(adminClient(config, emulator.url));
      const { meshName } = appMeshOf(config);
      const node = virtualNodeName(PRINTER, config);
      const { routes = [] } = await appMesh.send(new ListRoutesCommand({ meshName, virtualRouterName: node }));
      const described = await Promise.all(
        routes.map(({ routeName }) => appMesh.send(new DescribeRouteCommand({ meshName, virtualRouterName: node, routeName }))),
      );
      // More than one: App Mesh has no match for a path and what is below it.
      const print = described.flatMap(({ route }) => (route?.spec?.httpRoute?.match?.method === "POST" ? route.spec.httpRoute : []));
      holds(print.length > 0, "no route takes POST");
      for (const { timeout, retryPolicy } of print)
        same(
          { timeout: milliseconds(timeout?.perRequest), tries: retryPolicy?.maxRetries },
          { timeout: 20_000, tries: 1 },
          "milliseconds, and tries after the first, of the route",
        );
      const { virtualNode } = await appMesh.send(new DescribeVirtualNodeCommand({ meshName, virtualNodeName: node }));
      same(milliseconds(virtualNode?.spec?.listeners?.[0]?.timeout?.http?.perRequest), 20_000, "milliseconds that the listener lets pass");
      const virtualServiceName = "printer.labels.svc.cluster.local";
      const { virtualService } = await appMesh.send(new DescribeVirtualServiceCommand({ meshName, virtualServiceName }));
      same(virtualService?.spec?.provider?.virtualRouter?.virtualRouterName, node, `router of ${virtualServiceName}`);
      appMesh.destroy();

      interface Pod {
        readonly spec: { readonly initContainers?: readonly { readonly name: string; readonly restartPolicy?: string }[] };
      }
      const selector = "platform-operator.dev/service=printer";
      const { items } = await get<{ readonly items: readonly Pod[] }>(context, "pods", "-n", PRINTER.namespace, "-l", selector);
      holds(items.length > 0, "printer has no pods");
      for (const { spec } of items)
        holds(
          (spec.initContainers ?? []).some(({ name, restartPolicy }) => name === "envoy" && restartPolicy === "Always"),
          "a pod of printer has no Envoy",
        );
    },
  },
  {
    title: "alerts gets its role by an association in EKS, and the role trusts that ServiceAccount of that cluster alone",
    async check(context) {
      const { config, emulator } = context.environment;
      const clusterName = config.cluster.name;
      const eks = new EKSClient(adminClient(config, emulator.url));
      const { associations = [] } = await eks.send(
        new ListPodIdentityAssociationsCommand({ clusterName, namespace: ALERTS.namespace, serviceAccount: ALERTS.name }),
      );
      same(associations.length, 1, "associations of its ServiceAccount");
      const { association } = await eks.send(
        new DescribePodIdentityAssociationCommand({ clusterName, associationId: associations[0]?.associationId }),
      );
      same(association?.roleArn, context.watch.get(ALERTS)?.status?.role?.arn, "role of the association");
      eks.destroy();
      const iam = adminIam(config, emulator.url);
      const { Role } = await iam.send(new GetRoleCommand({ RoleName: roleName(ALERTS, config) }));
      iam.destroy();
      const [trust, ...others] = JSON.parse(decodeURIComponent(Role?.AssumeRolePolicyDocument ?? "")).Statement;
      same(others, [], "further statements of its trust");
      same(trust.Principal, { Service: "pods.eks.amazonaws.com" }, "principal of its trust");
      same(
        trust.Condition.StringEquals,
        {
          "aws:RequestTag/eks-cluster-arn": `arn:aws:eks:${config.cluster.region}:${config.cluster.accountId}:cluster/${clusterName}`,
          "aws:RequestTag/kubernetes-namespace": ALERTS.namespace,
          "aws:RequestTag/kubernetes-service-account": ALERTS.name,
        },
        "condition of its trust",
      );
    },
  },
];

/** Undefined where there is none. */
function milliseconds(duration: Duration | undefined): number | undefined {
  return duration?.value === undefined ? undefined : duration.value * (duration.unit === "s" ? 1000 : 1);
}
