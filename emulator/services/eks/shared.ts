/** What EKS's operations have in common: finding clusters and associations, pages. */
import type { Account, Call, Permission } from "../../operation.ts";
import type { Cluster } from "../../options.ts";
import { page } from "../../paging.ts";
import type { PodIdentityAssociationRecord } from "../../records.ts";
import { eksFault } from "./schema.ts";

export function clusterArn({ accountId, region }: Account, name: string): string {
  return `arn:aws:eks:${region}:${accountId}:cluster/${name}`;
}

export function associationArn({ accountId, region }: Account, cluster: string, id: string): string {
  return `arn:aws:eks:${region}:${accountId}:podidentityassociation/${cluster}/${id}`;
}

/** Throws ResourceNotFoundException. */
export function findCluster(name: string, { clusters }: Call): Cluster {
  const cluster = clusters.find((each) => each.name === name);
  if (cluster === undefined) throw eksFault("ResourceNotFoundException", `No cluster found for name: ${name}.`);
  return cluster;
}

export function associationKey(cluster: string, id: string): string {
  return `${cluster}/${id}`;
}

interface Named {
  readonly clusterName: string;
  readonly associationId: string;
}

/** Throws ResourceNotFoundException, also for a cluster that is not there. */
export function findAssociation({ clusterName, associationId }: Named, call: Call): PodIdentityAssociationRecord {
  findCluster(clusterName, call);
  const association = call.store.podIdentityAssociations.get(associationKey(clusterName, associationId));
  if (association === undefined) {
    throw eksFault("ResourceNotFoundException", `No association found with id ${associationId} in cluster ${clusterName}`);
  }
  return association;
}

export function putAssociation(association: PodIdentityAssociationRecord, { store }: Call): void {
  store.podIdentityAssociations.set(associationKey(association.clusterName, association.id), association);
}

/** The permission to do `action` to one association. */
export function onAssociation(action: string, { clusterName, associationId }: Named, call: Call): Permission {
  const association = call.store.podIdentityAssociations.get(associationKey(clusterName, associationId));
  const resource = associationArn(call, clusterName, associationId);
  return { action: `eks:${action}`, resource, resourceTags: association?.tags ?? {} };
}

/** The permission to do `action` to a cluster. */
export function onCluster(action: string, name: string, call: Call): Permission {
  return { action: `eks:${action}`, resource: clusterArn(call, name) };
}

const DEFAULT_PAGE = 100; // EKS's, for every list

interface PagedRequest {
  readonly nextToken?: string | undefined;
  readonly maxResults?: number | undefined;
}

/** A page and its nextToken. Throws InvalidParameterException for a token that is none. */
export function eksPage<T>(
  sorted: readonly (readonly [string, T])[],
  { nextToken, maxResults }: PagedRequest,
  { switches }: Call,
): { readonly items: readonly T[]; readonly nextToken: string | undefined } {
  const found = page(sorted, { token: nextToken, size: maxResults, defaultSize: DEFAULT_PAGE, maxSize: switches.maxPageSize });
  if (found === undefined) throw eksFault("InvalidParameterException", "nextToken is not one of this list");
  return { items: found.items, nextToken: found.next };
}
