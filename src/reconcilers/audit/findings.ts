import { clusterId, isRetained, ownershipTags, wayOut } from "../../crds/aws-names.ts";
import { repositoryMode } from "../../crds/effective.ts";
import { ANNOTATIONS, AWS_TAGS, keyOf, keyString, type ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { PlatformService } from "../../crds/platform-service.ts";
import { compareText } from "../../resources/order.ts";
import { CONDITION_OF, givenName, isLeaving, type Claims, type Wanted } from "./claims.ts";
import { mayBeOurs, ownerOf, placeOf, type AuditedKind, type Holding, type Tags } from "./holdings.ts";

/** What is not as it should be between the services of the cluster and what AWS holds: pure, from facts that were read before. */

export type FindingState =
  /** Carries this cluster's tags, and no service wants it. */
  | "Orphaned"
  /** The same, kept on purpose: its deletionPolicy said so, or it is what a service had before it used another's. No error. */
  | "Retained"
  /** A service wants it, and it is not there. */
  | "Missing"
  /** A name of the operator's, held by what it will not touch. */
  | "Foreign";

export interface Finding {
  readonly state: FindingState;
  readonly kind: AuditedKind;
  readonly name: string;
  /** Empty where it is not there. */
  readonly arn: string;
  /** The service that its tags name, or that wants it; undefined: they name none. */
  readonly service: ObjectKey | undefined;
  /** Why it is one, in a clause. */
  readonly why: string;
  /** What to do about it. */
  readonly todo: string;
  /** It may be deleted: nobody is left who would, and nothing in the cluster uses it. */
  readonly deletable: boolean;
}

/** What AWS answered about one name that a service wants. */
export type Look = { readonly state: "absent" } | { readonly state: "foreign"; readonly owner: string } | { readonly state: "present" };

export interface Facts {
  readonly claims: Claims;
  readonly config: OperatorConfig;
  /** With their tags, where their names say that they may be this cluster's. */
  readonly holdings: readonly Holding[];
  /** Of each of `doubtful`. */
  look(wanted: Wanted): Look;
  /** What in the cluster still uses the object, in a clause; undefined: nothing that was found. */
  user(holding: Holding, owner: ObjectKey): string | undefined;
}

/** An error is everything that somebody has to do something about. */
export function isError({ state }: Finding): boolean {
  return state !== "Retained";
}

/** Of what AWS holds: whose tags must be read, since no bulk read tells them. What a service has, wants or uses is none. */
export function unclaimed(held: readonly Holding[], claims: Claims, config: OperatorConfig): readonly Holding[] {
  return held.filter((one) => mayBeOurs(one, config) && claims.holder(one.kind, one.name) === undefined);
}

/** Of what is wanted: what no bulk read has shown to be there and the service's. */
export function doubtful(claims: Claims, held: readonly Holding[], config: OperatorConfig): readonly Wanted[] {
  const found = new Map(held.map((one) => [placeOf(one), one]));
  return claims.wanted.filter((wanted) => {
    const { kind, service } = wanted;
    const holding = found.get(placeOf(wanted));
    if (holding === undefined) return true;
    if (holding.tags !== undefined) return !isOf(holding.tags, keyOf(service), config);
    return conditionOf(service, kind)?.status !== "True";
  });
}

/** By state, kind and name. */
export function findingsOf(facts: Facts): readonly Finding[] {
  const { claims, config, holdings } = facts;
  const found = [
    ...unclaimed(holdings, claims, config).flatMap((one) => judgeHolding(one, facts) ?? []),
    ...doubtful(claims, holdings, config).flatMap((one) => judgeWanted(one, facts) ?? []),
  ];
  const order: readonly FindingState[] = ["Missing", "Foreign", "Orphaned", "Retained"];
  return found.toSorted(
    (a, b) => order.indexOf(a.state) - order.indexOf(b.state) || compareText(a.kind, b.kind) || compareText(a.name, b.name),
  );
}

/** Of an object that no service has, wants or uses. Undefined: it is others', or its service is taking it away. */
export function judgeHolding(holding: Holding, { claims, config, user }: Pick<Facts, "claims" | "config" | "user">): Finding | undefined {
  const { kind, name, arn, tags = {} } = holding;
  if (tags[AWS_TAGS.cluster] !== clusterId(config)) return undefined;
  const owner = ownerOf(tags);
  const base = { kind, name, arn, service: owner };
  if (owner === undefined) {
    return {
      ...base,
      state: "Foreign",
      why: "it has this cluster's tag, and says of no service that it is its",
      todo: BY_HAND,
      deletable: false,
    };
  }
  if ((givenName(kind, owner, config) ?? name) !== name) {
    const why = `its tags name ${keyString(owner)}, for which the operator makes nothing of this name`;
    return { ...base, state: "Foreign", why, todo: BY_HAND, deletable: false };
  }
  const service = claims.service(owner);
  if (service !== undefined) return ofLivingService(service, { ...base, service: owner }, config);
  const used = user(holding, owner);
  const gone = `PlatformService ${keyString(owner)} does not exist`;
  const kept = isRetained(tags);
  const state = kept ? "Retained" : "Orphaned";
  const why = kept ? `${gone}, and kept it on purpose` : gone;
  const back = `apply ${keyString(owner)} again, and it is found again`;
  if (used !== undefined)
    return { ...base, state, why: `${why}; ${used}`, todo: `${back}; what uses it has to go before it can`, deletable: false };
  const deletion = kept ? "audit --delete --include-retained" : "audit --delete";
  return { ...base, state, why, todo: `${back}; or ${deletion}`, deletable: true };
}

const BY_HAND = "look at it by hand; the operator will not touch it";

/** The service exists and wants it no longer: what becomes of it is the operator's, or was the service's own choice. */
function ofLivingService(
  service: PlatformService,
  base: Pick<Finding, "kind" | "name" | "arn"> & { readonly service: ObjectKey },
  config: OperatorConfig,
): Finding | undefined {
  if (isLeaving(service)) return undefined;
  const key = keyString(base.service);
  const { spec } = service;
  if (base.kind === "Role" && spec.aws?.existingRole !== undefined && spec.aws.deletionPolicy === "Retain") {
    const why = `${key} uses spec.aws.existingRole, and keeps its own by deletionPolicy Retain`;
    return {
      ...base,
      state: "Retained",
      why,
      todo: `take existingRole out of ${key}, and it is used again; or delete it by hand`,
      deletable: false,
    };
  }
  if (base.kind === "Repository") {
    const others = repositoryMode(spec, config) === "Existing" ? "uses a repository of others" : "names another repository";
    return {
      ...base,
      state: "Retained",
      why: `${key} ${others} now, and left this one with its images`,
      todo: "delete it by hand when no image of it is needed",
      deletable: false,
    };
  }
  const why = `${key} exists and does not want it`;
  return {
    ...base,
    state: "Orphaned",
    why,
    todo: `nothing: the operator takes it away; at once: ${askAfresh(base.service)}`,
    deletable: false,
  };
}

function judgeWanted(wanted: Wanted, { look, config }: Pick<Facts, "look" | "config">): Finding | undefined {
  const { kind, name, service } = wanted;
  const key = keyOf(service);
  const seen = look(wanted);
  const base = { kind, name, arn: "", service: key, deletable: false };
  switch (seen.state) {
    case "present":
      return undefined;
    case "absent":
      return { ...base, state: "Missing", why: `${keyString(key)} wants it, and it is not there`, todo: whyMissing(wanted, config) };
    case "foreign":
      return { ...base, state: "Foreign", why: `${keyString(key)} wants it, and ${seen.owner}`, todo: wayOut(seen.owner, key, config) };
    default:
      return seen satisfies never;
  }
}

/** What the service itself says of it. */
function whyMissing({ kind, service }: Wanted, { aws: { sweepInterval } }: OperatorConfig): string {
  const said = (type: string): string | undefined => {
    const found = service.status?.conditions?.find((one) => one.type === type);
    return found && `${type} is ${found.status}, ${found.reason}: ${found.message}`;
  };
  const is = (type: string, status: string): boolean =>
    service.status?.conditions?.some((one) => one.type === type && one.status === status) === true;
  if (is("Suspended", "True")) return said("Suspended") ?? "";
  if (is("SpecValid", "False")) return said("SpecValid") ?? "";
  const own = conditionOf(service, kind);
  if (own === undefined || !isSeen(service))
    return "no pass of the operator has been over the service yet: it makes it; look whether the operator runs";
  if (own.status !== "True") return said(CONDITION_OF[kind]) ?? "";
  return `the operator makes it again at its next sweep (${sweepInterval}); at once: ${askAfresh(keyOf(service))}`;
}

/** An operator has made a pass over it. */
export function isSeen({ status }: PlatformService): boolean {
  return (status?.observedGeneration ?? -1) >= 0;
}

function conditionOf({ status }: PlatformService, kind: AuditedKind) {
  return status?.conditions?.find(({ type }) => type === CONDITION_OF[kind]);
}

function askAfresh({ namespace, name }: ObjectKey): string {
  return `kubectl -n ${namespace} annotate psvc ${name} --overwrite ${ANNOTATIONS.reconcileAt}="$(date)"`;
}

function isOf(tags: Tags, owner: ObjectKey, config: OperatorConfig): boolean {
  return Object.entries(ownershipTags(owner, config)).every(([key, value]) => tags[key] === value);
}

/** Whose cluster the services say that they are of: the first that an operator noted, other than the configuration's. Undefined: they say no other. */
export function otherCluster(services: readonly PlatformService[], config: OperatorConfig): string | undefined {
  const own = services.filter(({ spec }) => spec.aws?.existingRole === undefined);
  const named = own.flatMap(({ status }) => /:role\/platform-operator\/([^/]+)\//.exec(status?.role?.arn ?? "")?.[1] ?? []);
  return named.includes(clusterId(config)) ? undefined : named[0];
}
