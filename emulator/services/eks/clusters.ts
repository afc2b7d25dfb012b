import type { DescribeClusterRequest, DescribeClusterResponse, ListClustersRequest, ListClustersResponse } from "@aws-sdk/client-eks";
import { read, type Operation } from "../../operation.ts";
import { clusterArn, eksPage, findCluster, onCluster } from "./shared.ts";

/** Of a cluster only what tells it from others: it is one of the options, not of the state. */
const describeCluster = read<DescribeClusterRequest, DescribeClusterResponse>("DescribeCluster", {
  permissions: ({ name }, call) => [onCluster("DescribeCluster", name, call)],
  handle({ name }, call) {
    const { oidcIssuer } = findCluster(name, call);
    return { cluster: { name, arn: clusterArn(call, name), status: "ACTIVE", identity: { oidc: { issuer: oidcIssuer } }, tags: {} } };
  },
});

const listClusters = read<ListClustersRequest, ListClustersResponse>("ListClusters", {
  permissions: () => [{ action: "eks:ListClusters", resource: "*" }],
  handle(request, call) {
    const names = call.clusters.map(({ name }) => name).toSorted();
    const { items, nextToken } = eksPage(
      names.map((name) => [name, name] as const),
      request,
      call,
    );
    return { clusters: [...items], nextToken };
  },
});

export const CLUSTER_OPERATIONS: readonly Operation[] = [describeCluster, listClusters];
