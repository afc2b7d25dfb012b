import { describe, expect, test } from "vitest";
import type { Condition } from "../../../src/crds/conditions.ts";
import { claimsOf } from "../../../src/reconcilers/audit/claims.ts";
import { doubtful, findingsOf, otherCluster, unclaimed, type Look } from "../../../src/reconcilers/audit/findings.ts";
import type { AuditedKind, Holding, Tags } from "../../../src/reconcilers/audit/holdings.ts";
import { userOf, type Uses } from "../../../src/reconcilers/audit/users.ts";
import type { PlatformService } from "../../../src/crds/platform-service.ts";
import { TO_WORKSPACE } from "../../support/aws/managed-prometheus.ts";
import { inAppMesh } from "../../support/aws/mesh.ts";
import { operatorConfig } from "../../support/aws/operator-config.ts";
import { storedService } from "../../support/aws/service.ts";

/** The join of services with what AWS holds: which findings, and which none. */

const CONFIG = operatorConfig(undefined, {
  ...inAppMesh(),
  ...TO_WORKSPACE,
  identity: { ...operatorConfig().identity, modes: ["IRSA", "PodIdentity"] },
  registry: { repositoryPrefix: "team/" },
});
const KEY = { namespace: "tracking", name: "web" };
const ACCOUNT = "111122223333";

function tags(name = KEY.name, more: Tags = {}, cluster = "eu-west-1.demo"): Tags {
  return {
    "platform-operator.dev/cluster": cluster,
    "platform-operator.dev/namespace": KEY.namespace,
    "platform-operator.dev/name": name,
    ...more,
  };
}

const NAMES: Readonly<Record<AuditedKind, (name: string) => string>> = {
  Role: (name) => `eu-west-1.demo.tracking.${name}`,
  Repository: (name) => `team/tracking/${name}`,
  PodIdentityAssociation: (name) => `tracking/${name}`,
  VirtualNode: (name) => `demo_tracking_${name}`,
  VirtualRouter: (name) => `demo_tracking_${name}`,
  VirtualService: (name) => `${name}.tracking.svc.cluster.local`,
  RuleGroupsNamespace: (name) => `ws-demo/eu-west-1.demo.tracking.${name}`,
};
const KINDS: readonly AuditedKind[] = [
  "Role",
  "Repository",
  "PodIdentityAssociation",
  "VirtualNode",
  "VirtualRouter",
  "VirtualService",
  "RuleGroupsNamespace",
];

function arnOf(kind: AuditedKind, name: string): string {
  return `arn:aws:test::${ACCOUNT}:${kind}/${name}`;
}

function held(kind: AuditedKind, of = KEY.name, { name = NAMES[kind](of), ...more }: Partial<Holding> = {}): Holding {
  return { kind, name, arn: arnOf(kind, name), tags: tags(of), ...more };
}

interface World {
  readonly services?: readonly PlatformService[];
  readonly holdings?: readonly Holding[];
  readonly looks?: Readonly<Record<string, Look>>;
  readonly uses?: Partial<Uses>;
}

function findings({ services = [], holdings = [], looks = {}, uses = {} }: World) {
  const claims = claimsOf(services, () => ({}), CONFIG);
  return findingsOf({
    claims,
    config: CONFIG,
    holdings,
    look: ({ kind }) => looks[kind] ?? { state: "present" },
    user: (holding, owner) => userOf(holding, owner, { pods: [], accounts: [], ...uses }, CONFIG),
  });
}

const short = (world: World): readonly string[] =>
  findings(world).map(({ state, kind, name, deletable }) => `${state} ${kind} ${name}${deletable ? " deletable" : ""}`);

/** A service that wants one of each kind. */
const WHOLE = {
  aws: { identity: "PodIdentity" },
  port: 8080,
  slos: [{ name: "availability", objective: "99.9", indicator: "availability" }],
};
const ready = (type: string): Condition => ({
  type,
  status: "True",
  reason: "Ok",
  message: "",
  lastTransitionTime: "",
  observedGeneration: 1,
});
const SEEN = {
  status: {
    observedGeneration: 1,
    conditions: ["IdentityReady", "RepositoryReady", "ServiceAccountReady", "MeshSecurityReady", "TrafficReady", "SLOsReady"].map(ready),
  },
};

describe("a service that has one of each kind", () => {
  const service = storedService(KEY, WHOLE, SEEN);
  const holdings = KINDS.map((kind) => held(kind));

  test("is no finding", () => {
    expect(short({ services: [service], holdings })).toEqual([]);
  });

  test("of each that no list shows and AWS says is absent: Missing, with what to do", () => {
    const looks = Object.fromEntries(KINDS.map((kind) => [kind, { state: "absent" } as const]));
    const found = findings({ services: [service], looks });
    expect(found.map(({ state, kind }) => `${state} ${kind}`)).toEqual(KINDS.toSorted().map((kind) => `Missing ${kind}`));
    expect(found[0]?.todo).toBe(
      'the operator makes it again at its next sweep (10m); at once: kubectl -n tracking annotate psvc web --overwrite platform-operator.dev/reconcile-at="$(date)"',
    );
  });

  test("being deleted it is no finding either, whatever of it is still there or gone", () => {
    const leaving = storedService(KEY, WHOLE, { ...SEEN, metadata: { deletionTimestamp: "2026-11-26T18:00:00Z" } });
    const looks = Object.fromEntries(KINDS.map((kind) => [kind, { state: "absent" } as const]));
    expect(short({ services: [leaving], holdings: holdings.slice(0, 3), looks })).toEqual([]);
  });
});

describe("what carries this cluster's tags and whose service is gone", () => {
  test.each(KINDS)("%s: Orphaned", (kind) => {
    expect(short({ holdings: [held(kind)] })).toEqual([`Orphaned ${kind} ${NAMES[kind]("web")} deletable`]);
  });

  test.each(["Role", "Repository"] as const)("%s that was kept by deletionPolicy: Retained, and no error", (kind) => {
    const kept = held(kind, "web", { tags: tags("web", { "platform-operator.dev/retained": "true" }) });
    expect(findings({ holdings: [kept] })).toMatchObject([
      { state: "Retained", why: "PlatformService tracking/web does not exist, and kept it on purpose", deletable: true },
    ]);
  });

  test.each<[string, AuditedKind, Partial<Uses>, string]>([
    [
      "a pod of the service runs on",
      "VirtualNode",
      { pods: [{ key: { namespace: "tracking", name: "web-1" }, service: "web", images: [] }] },
      "pod tracking/web-1 of it still runs",
    ],
    [
      "its ServiceAccount was left",
      "Role",
      { accounts: [{ key: KEY, service: "web", roleArn: undefined }] },
      "ServiceAccount tracking/web is left of it",
    ],
    [
      "another ServiceAccount names the role",
      "Role",
      { accounts: [{ key: { namespace: "jobs", name: "nightly" }, service: undefined, roleArn: arnOf("Role", NAMES.Role("web")) }] },
      "ServiceAccount jobs/nightly names the role",
    ],
    [
      "a pod of others runs an image of it",
      "Repository",
      {
        pods: [
          {
            key: { namespace: "jobs", name: "nightly-1" },
            service: undefined,
            images: [`${ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team/tracking/web:1`],
          },
        ],
      },
      "pod jobs/nightly-1 runs an image of it",
    ],
  ])("is not deletable where %s", (_, kind, uses, why) => {
    expect(findings({ holdings: [held(kind)], uses })).toMatchObject([
      { state: "Orphaned", deletable: false, why: `PlatformService tracking/web does not exist; ${why}` },
    ]);
  });

  test("is in use by an image or a role of the same beginning alone: deletable", () => {
    const images = [`${ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/team/tracking/web-api:1`];
    const uses = { pods: [{ key: { namespace: "jobs", name: "a" }, service: "web", images }] };
    expect(short({ holdings: [held("Repository")], uses })).toEqual(["Orphaned Repository team/tracking/web deletable"]);
  });

  test("is none where another service uses it as existing", () => {
    const user = (spec: object) => [storedService({ namespace: "other", name: "user" }, spec)];
    const own = [held("Role", "web"), held("Repository", "web")];
    const services = user({
      image: { repository: "team/tracking/web", repositoryMode: "Existing" },
      aws: { existingRole: "arn:aws:iam::111122223333:role/platform-operator/eu-west-1.demo/eu-west-1.demo.tracking.web" },
    });
    expect(short({ services, holdings: own })).toEqual([]);
  });
});

describe("what is not this cluster's", () => {
  test.each(KINDS)("%s of another cluster is not listed", (kind) => {
    expect(short({ holdings: [held(kind, "web", { tags: tags("web", {}, "eu-west-1.other") }), held(kind, "x", { tags: {} })] })).toEqual(
      [],
    );
  });

  test("under the operator's tags and another name: Foreign, and never deletable", () => {
    const role = held("Role", "web", { name: "eu-west-1.demo.tracking.victim" });
    expect(short({ holdings: [role] })).toEqual(["Foreign Role eu-west-1.demo.tracking.victim"]);
    const unsaid = held("Repository", "web", { tags: { "platform-operator.dev/cluster": "eu-west-1.demo" } });
    expect(short({ holdings: [unsaid] })).toEqual(["Foreign Repository team/tracking/web"]);
  });

  test("and has a name that a service wants: Foreign, with the tags that would hand it over", () => {
    const looks = { Role: { state: "foreign", owner: "it has no tags of platform-operator.dev" } } as const;
    const [found] = findings({ services: [storedService(KEY, {}, SEEN)], holdings: [held("Repository"), held("VirtualNode")], looks });
    expect(found).toMatchObject({
      state: "Foreign",
      kind: "Role",
      why: "tracking/web wants it, and it has no tags of platform-operator.dev",
      todo: expect.stringMatching(/^delete it, or hand it over by the tags .*platform-operator\.dev\/name=web/),
    });
  });

  test("and is what another service runs on: Foreign, and nobody is told to delete it", () => {
    const owner = "it belongs to PlatformService booking/booking of cluster eu-west-1.demo";
    const looks = { Role: { state: "foreign", owner } } as const;
    const [found] = findings({ services: [storedService(KEY, {}, SEEN)], holdings: [held("Repository"), held("VirtualNode")], looks });
    expect(found?.todo).toMatch(/^leave it to its owner and give yours another name, or, .* platform-operator\.dev\/name=web/);
  });
});

describe("a service that exists and does not want it", () => {
  const mine = [held("Repository"), held("VirtualNode")];

  test("its own role beside an existing one: Orphaned, and the operator's to take away", () => {
    const service = storedService(KEY, { aws: { existingRole: "arn:aws:iam::111122223333:role/theirs" } }, SEEN);
    expect(short({ services: [service], holdings: [held("Role"), ...mine] })).toEqual(["Orphaned Role eu-west-1.demo.tracking.web"]);
  });

  test("the same, while pods still run under it by the service's own status: no finding", () => {
    const resources = [{ group: "iam.aws", kind: "Role", name: NAMES.Role("web"), state: "Progressing" } as const];
    const service = storedService(
      KEY,
      { aws: { existingRole: "arn:aws:iam::111122223333:role/theirs" } },
      { status: { ...SEEN.status, resources } },
    );
    expect(short({ services: [service], holdings: [held("Role"), ...mine] })).toEqual([]);
  });

  test("the same by deletionPolicy Retain, or a repository that it left: Retained, by hand alone", () => {
    const aws = { existingRole: "arn:aws:iam::111122223333:role/theirs", deletionPolicy: "Retain" };
    const service = storedService(KEY, { aws, image: { repository: "shared/base", repositoryMode: "Existing" } }, SEEN);
    expect(short({ services: [service], holdings: [held("Role"), ...mine] })).toEqual([
      "Retained Repository team/tracking/web",
      "Retained Role eu-west-1.demo.tracking.web",
    ]);
  });
});

test.each<[string, readonly (readonly [type: string, status: Condition["status"], reason: string])[], string]>([
  ["suspended", [["Suspended", "True", "SpecSuspend"]], "Suspended is True, SpecSuspend: in words"],
  ["refused", [["SpecValid", "False", "NoOwner"]], "SpecValid is False, NoOwner: in words"],
  ["blocked", [["IdentityReady", "False", "Denied"]], "IdentityReady is False, Denied: in words"],
  ["never looked at", [], "no pass of the operator has been over the service yet: it makes it; look whether the operator runs"],
])("what is missing of a service that is %s: its own word is what to do", (_, said, todo) => {
  const conditions = said.map(([type, status, reason]) => ({ ...ready(type), status, reason, message: "in words" }));
  const service = storedService(KEY, {}, { status: { observedGeneration: said.length - 1, conditions } });
  const found = findings({
    services: [service],
    holdings: [held("Repository"), held("VirtualNode")],
    looks: { Role: { state: "absent" } },
  });
  expect(found.filter(({ kind }) => kind === "Role")).toMatchObject([{ state: "Missing", todo }]);
});

describe("what is asked of AWS beyond the lists", () => {
  const services = [storedService(KEY, {}, SEEN)];
  const claims = claimsOf(services, () => ({}), CONFIG);

  test("tags: of what no service wants, and whose name may be this cluster's", () => {
    const untold = { tags: undefined };
    const all = [
      held("Repository", "web", untold),
      held("Repository", "gone", untold),
      held("Repository", "x", { ...untold, name: "others/x" }),
      held("VirtualNode", "gone", untold),
      held("VirtualNode", "x", { ...untold, name: "other_tracking_x" }),
      held("VirtualService", "x", { ...untold, name: "api.example.com" }),
    ];
    expect(unclaimed(all, claims, CONFIG).map(({ name }) => name)).toEqual(["team/tracking/gone", "demo_tracking_gone"]);
  });

  test("whether it is there: of what no list has, what is others' by its tags, and where no tags are told, what its condition does not vouch for", () => {
    const names = (...holdings: Holding[]) => doubtful(claims, holdings, CONFIG).map(({ kind }) => kind);
    expect(names()).toEqual(["Role", "VirtualNode", "Repository"]);
    const untold = { tags: undefined };
    expect(names(held("Role"), held("Repository", "web", untold), held("VirtualNode", "web", untold))).toEqual([]);
    expect(
      names(held("Role", "web", { tags: tags("other") }), held("Repository", "web", untold), held("VirtualNode", "web", untold)),
    ).toEqual(["Role"]);
  });
});

test("services that an operator of another cluster noted the roles of are another cluster's", () => {
  const of = (cluster: string, spec: object = {}) =>
    storedService(KEY, spec, {
      status: { observedGeneration: 1, role: { arn: `arn:aws:iam::111122223333:role/platform-operator/eu-west-1.${cluster}/x` } },
    });
  expect(otherCluster([of("staging")], CONFIG)).toBe("eu-west-1.staging");
  expect(otherCluster([of("staging"), of("demo")], CONFIG)).toBeUndefined();
  expect(otherCluster([storedService(KEY)], CONFIG)).toBeUndefined();
  expect(
    otherCluster(
      [of("staging", { aws: { existingRole: "arn:aws:iam::111122223333:role/platform-operator/eu-west-1.staging/x" } })],
      CONFIG,
    ),
  ).toBeUndefined();
});
