import type { Identified } from "../../crds/desired.ts";
import { keyOf, type ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { PlatformService } from "../../crds/platform-service.ts";
import { AwsError, type Aws, type ExternalResource } from "../ports.ts";
import { claimsOf, type NamespaceLabels, type Wanted } from "./claims.ts";
import { doubtful, findingsOf, unclaimed, type Finding, type Look } from "./findings.ts";
import { placeOf, readHoldings, readTags, type AuditedKind, type Holding, type Tags } from "./holdings.ts";
import { userOf, type Uses } from "./users.ts";

/**
 * One look at everything, which needs no memory and no operator that runs. AWS is read first and the services after it, so that whoever was made meanwhile has his objects to
 * himself; and what then looks like a finding is looked at once more, since what AWS was read to hold may be gone, and what it did not hold may be there.
 */

/** What is asked of the cluster; each answer is of the moment of the question. */
export interface ClusterReader {
  services(): Promise<readonly PlatformService[]>;
  namespaceLabels(): Promise<NamespaceLabels>;
  /** Of all pods and ServiceAccounts; or of those that are labelled as of services of that name. */
  uses(service?: ObjectKey): Promise<Uses>;
}

export interface SurveyOptions {
  readonly aws: Aws;
  readonly cluster: ClusterReader;
  readonly config: OperatorConfig;
  /** Told what is read next, in words. */
  readonly told: (what: string) => void;
}

export interface Survey {
  readonly findings: readonly Finding[];
  readonly services: readonly PlatformService[];
}

/** What identifies and deletes objects of each kind. */
export type Resources = Readonly<
  Record<AuditedKind, Pick<ExternalResource<never, { readonly tags: Tags | undefined }>, "observe" | "delete">>
>;

export function resourcesOf({ roles, repositories, associations, rulesNamespaces, mesh }: Aws): Resources {
  return {
    Role: roles,
    Repository: repositories,
    PodIdentityAssociation: associations,
    RuleGroupsNamespace: rulesNamespaces,
    VirtualNode: mesh.virtualNodes,
    VirtualRouter: mesh.virtualRouters,
    VirtualService: mesh.virtualServices,
  };
}

/** Throws AwsError or KubeError where something cannot be read: half of the truth would be none. */
export async function survey({ aws, cluster, config, told }: SurveyOptions): Promise<Survey> {
  const resources = resourcesOf(aws);
  const held = await readHoldings(aws.bulk, config, told);
  told("services");
  const first = claimsOf(await cluster.services(), await cluster.namespaceLabels(), config);
  const tagged: Holding[] = [];
  const candidates = unclaimed(held, first, config);
  for (const [i, one] of candidates.entries()) {
    if (one.tags === undefined) told(`tags of what no service wants (${i + 1} of ${candidates.length})`);
    const tags = await readTags(aws.tags, one);
    if (tags !== undefined) tagged.push({ ...one, tags });
  }
  told("pods and ServiceAccounts");
  const uses = candidates.length === 0 ? { pods: [], accounts: [] } : await cluster.uses();
  const asked = new Set(candidates);
  const holdings = [...held.filter((one) => !asked.has(one)), ...tagged];
  // The services of the very end are those that count.
  told("services, once more");
  const services = await cluster.services();
  const claims = claimsOf(services, await cluster.namespaceLabels(), config);
  const looks = new Map<string, Look>();
  const wanted = doubtful(claims, holdings, config);
  for (const [i, one] of wanted.entries()) {
    told(`what services want and no list has shown (${i + 1} of ${wanted.length})`);
    looks.set(placeOf(one), await lookAt(resources, one.kind, { name: one.name, owner: keyOf(one.service) }));
  }
  const user = (holding: Holding, owner: ObjectKey): string | undefined => userOf(holding, owner, uses, config);
  const look = (one: Wanted): Look => looks.get(placeOf(one)) ?? { state: "present" };
  const findings: Finding[] = [];
  for (const finding of findingsOf({ claims, config, holdings, look, user })) if (await isStill(finding, resources)) findings.push(finding);
  return { findings, services };
}

/** A service whose finalizer came to its end meanwhile has taken its objects with it. */
async function isStill({ state, kind, name, service }: Finding, resources: Resources): Promise<boolean> {
  if (state !== "Orphaned" || service === undefined) return true;
  return (await lookAt(resources, kind, { name, owner: service })).state === "present";
}

/** One object, and whether it is that service's. What AWS is at deleting is not there any more. */
export async function lookAt(resources: Resources, kind: AuditedKind, target: Identified): Promise<Look & { readonly tags?: Tags }> {
  try {
    const seen = await resources[kind].observe(target);
    return seen.state === "present" ? { state: "present", tags: tagsOf(seen.observed) } : seen;
  } catch (error) {
    if (error instanceof AwsError && error.class === "busy") return { state: "absent" };
    throw error;
  }
}

function tagsOf(observed: { readonly tags: Tags | undefined }): Tags {
  return observed.tags ?? {};
}
