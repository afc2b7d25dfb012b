import { withoutManagedFields } from "../../controllers/sources.ts";
import { LABELS } from "../../crds/meta.ts";
import type { PlatformService } from "../../crds/platform-service.ts";
import { KINDS, type ResourceType } from "../../kube/kinds.ts";
import { isJsonObject, type LiveObject } from "../../kube/objects.ts";
import type { ListOptions, Transport } from "../../kube/transport.ts";
import type { ClusterReader } from "../../reconcilers/audit/survey.ts";

/** The cluster by lists of the API server's own, which are never old; a right to list is all that it takes. Of pods no more than a few words are kept. */
export function clusterReader(transport: Pick<Transport, "list">): ClusterReader {
  const list = async (resource: ResourceType, options: ListOptions = {}): Promise<readonly LiveObject[]> =>
    (await transport.list(resource, options)).items;
  return {
    services: async () => (await list(KINDS.PlatformService)).map((object) => withoutManagedFields<PlatformService>(object)),

    async namespaceLabels() {
      const namespaces = await list(KINDS.Namespace, { reduce: withoutMore });
      const labels = new Map(namespaces.map(({ metadata }) => [metadata.name, metadata.labels ?? {}]));
      return (namespace) => labels.get(namespace) ?? {};
    },

    async uses(ofService) {
      const options = { reduce: withoutMore, ...(ofService !== undefined && { labelSelector: `${LABELS.service}=${ofService.name}` }) };
      const pods = await list(KINDS.Pod, options);
      const accounts = await list(KINDS.ServiceAccount, options);
      return {
        pods: pods.map((pod) => ({ ...placeOf(pod), images: imagesOf(pod) })),
        accounts: accounts.map((account) => ({
          ...placeOf(account),
          roleArn: account.metadata.annotations?.["eks.amazonaws.com/role-arn"],
        })),
      };
    },
  };
}

function placeOf({ metadata: { namespace = "", name, labels } }: LiveObject) {
  return { key: { namespace, name }, service: labels?.[LABELS.service] };
}

/** Of a pod its images as well; a container without more. */
function withoutMore(object: LiveObject): LiveObject {
  const { apiVersion, kind, metadata } = object;
  const { name, namespace, uid, resourceVersion, labels, annotations } = metadata;
  const kept = {
    apiVersion,
    kind,
    metadata: {
      name,
      uid,
      resourceVersion,
      ...(namespace && { namespace }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    },
  };
  if (kind !== "Pod") return kept;
  return { ...kept, spec: { containers: imagesOf(object).map((image) => ({ image })) } };
}

function imagesOf({ spec }: LiveObject): readonly string[] {
  if (!isJsonObject(spec)) return [];
  const containers = [spec.initContainers, spec.containers, spec.ephemeralContainers].flatMap((list) => (Array.isArray(list) ? list : []));
  return containers.flatMap((one) => (isJsonObject(one) && typeof one.image === "string" ? [one.image] : []));
}
