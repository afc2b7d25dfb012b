import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operatorWrites, provokePass } from "../support/operator-writes.ts";
import { sharedPlatform, type Platform } from "../support/platform.ts";
import { messageOf, podsOf, verdict } from "../support/service-view.ts";
import { tierOf } from "../support/tier.ts";

/** Specs that break a rule which the API server cannot see: refused whole, with the field, why, and what to write instead. */

const NAMESPACE = "bad-input";
const NARROW = "bad-input-narrow";
const STRICT = "bad-input-strict";
const TABLE = "arn:aws:dynamodb:eu-west-1:111122223333:table/parcels";

let platform: Platform;

beforeAll(async () => {
  platform = sharedPlatform();
  await platform.namespace(NAMESPACE);
  await platform.namespace(NARROW, { tenancy: "narrow" });
  await platform.apply(tierOf(STRICT, { network: { isolation: "Strict" } }));
});

afterAll(async () => {
  await platform.close();
});

function allow(actions: readonly string[], resources: readonly string[]): object {
  return { aws: { policy: { statements: [{ sid: "Mine", actions, resources }] } } };
}

interface Case {
  readonly what: string;
  readonly namespace?: string;
  readonly spec: object;
  readonly reason: string;
  /** Begins with the field. */
  readonly message: string;
}

const CASES: readonly Case[] = [
  {
    what: "every action of a service",
    spec: allow(["dynamodb:*"], [TABLE]),
    reason: "WildcardAction",
    message: "spec.aws.policy.statements[Mine].actions: statement Mine grants dynamodb:*, ",
  },
  {
    what: "every resource",
    spec: allow(["dynamodb:GetItem"], ["*"]),
    reason: "WildcardResource",
    message: "spec.aws.policy.statements[Mine].resources: statement Mine grants dynamodb:GetItem on every resource; name the ARNs",
  },
  {
    what: "PassRole without bounds",
    spec: allow(["iam:PassRole"], ["arn:aws:iam::111122223333:role/*"]),
    reason: "PassRoleUnbounded",
    message: "spec.aws.policy.statements[Mine].actions: statement Mine grants iam:PassRole without bounds; name the role in resources",
  },
  {
    what: "a table of another account",
    spec: allow(["dynamodb:GetItem"], ["arn:aws:dynamodb:eu-west-1:999999999999:table/parcels"]),
    reason: "OtherAccount",
    message: "spec.aws.policy.statements[Mine].resources: statement Mine reaches outside account 111122223333",
  },
  {
    what: "a role of an account that the platform does not trust",
    spec: allow(["sts:AssumeRole"], ["arn:aws:iam::999999999999:role/reports"]),
    reason: "OtherAccount",
    message:
      "spec.aws.policy.statements[Mine].resources: statement Mine reaches outside account 111122223333 by arn:aws:iam::999999999999:role/reports; " +
      "write 111122223333 as the account, or remove it; roles to assume may be of accounts that the platform team lists under identity.trustedAccounts (now none)",
  },
  {
    what: "a table that the namespace may not name",
    namespace: NARROW,
    spec: { owner: "narrow-squad", ...allow(["dynamodb:GetItem"], [TABLE]) },
    reason: "OutsideTenancy",
    message: `spec.aws.policy.statements[Mine].resources: statement Mine names ${TABLE}`,
  },
  {
    what: "an owner that the namespace may not name",
    namespace: NARROW,
    spec: { owner: "other-squad" },
    reason: "OwnerNotAllowed",
    message: "spec.owner: other-squad is not an owner that namespace bad-input-narrow may name: name one of narrow-squad",
  },
  {
    what: "a tier that does not allow the namespace",
    spec: { tier: "pci" },
    reason: "TierNotAllowed",
    message: "spec.tier: tier pci does not allow namespace bad-input: name another tier, or ask the platform team",
  },
  {
    what: "a tier that does not exist",
    spec: { tier: "tier-9" },
    reason: "UnknownTier",
    message: "spec.tier: PlatformTier tier-9 does not exist: name one of those that `kubectl get ptier` lists",
  },
  {
    what: "a repository outside the namespace's prefix",
    spec: { image: { repository: "payments/settlement", tag: "1.0.0" } },
    reason: "RepositoryOutsideNamespace",
    message: 'spec.image.repository: payments/settlement must start with "bad-input/"',
  },
  {
    what: "a request that outlives its pod",
    spec: { routes: [{ name: "slow", timeout: "2m" }] },
    reason: "TimeoutOutlivesPod",
    message: "spec.routes[slow].timeout: 2m is longer than a pod of tier tier-3 has left when it stops",
  },
  {
    what: "a host of the squad's own choosing under strict isolation",
    spec: { tier: STRICT, dependencies: { hosts: [{ host: "api.example.com", port: 443 }] } },
    reason: "StrictIsolation",
    message: "spec.dependencies.hosts: tier bad-input-strict is isolated",
  },
  {
    what: "a range of the squad's own choosing under strict isolation",
    spec: { tier: STRICT, dependencies: { cidrs: [{ cidr: "10.40.0.0/16", port: 5432 }] } },
    reason: "StrictIsolation",
    message: "spec.dependencies.cidrs: tier bad-input-strict is isolated",
  },
  {
    what: "any Service of the cluster under strict isolation",
    spec: { tier: STRICT, dependencies: { kubernetesServices: [{ name: "redis", namespace: "cache", port: 6379 }] } },
    reason: "StrictIsolation",
    message: "spec.dependencies.kubernetesServices: tier bad-input-strict is isolated",
  },
  {
    what: "a caller that is no PlatformService under strict isolation",
    spec: { tier: STRICT, callers: { serviceAccounts: [{ name: "probe", namespace: "ops" }] } },
    reason: "StrictIsolation",
    message: "spec.callers.serviceAccounts: tier bad-input-strict is isolated",
  },
  {
    what: "a Service of the cluster as an outside host",
    spec: { dependencies: { hosts: [{ host: "redis.cache.svc.cluster.local", port: 6379 }] } },
    reason: "HostInCluster",
    message: "spec.dependencies.hosts: redis.cache.svc.cluster.local is a Service of this cluster",
  },
];

describe("is refused, and nothing is written from it", () => {
  test.each(CASES.map((c, i) => [c.what, c, `refused-${String(i)}x`] as const))(
    "%s",
    async (_what, { namespace = NAMESPACE, spec, reason, message }, name) => {
      const key = { namespace, name };
      await platform.applyService(key, spec);
      const service = await platform.untilCondition(key, "SpecValid", "False", reason);

      expect(messageOf(service, "SpecValid").slice(0, message.length)).toBe(message);
      expect(verdict(service, "Ready")).toBe(`False ${reason}`);
      expect(verdict(service, "Stalled")).toBe(`True ${reason}`);
      expect(verdict(service, "IdentityReady")).toBe("Unknown SpecRefused");
      const writes = await operatorWrites(platform, namespace, name);
      expect(writes.aws).toEqual([]);
      expect(writes.kubernetes.filter((w) => !/^(patch platformservices(\/status)?|create events) /.test(w))).toEqual([]);
    },
  );

  test("everything that is wrong is said at once", async () => {
    const key = { namespace: NARROW, name: "much" };
    await platform.applyService(key, {
      owner: "other-squad",
      tier: "pci",
      ...allow(["dynamodb:*"], ["arn:aws:dynamodb:eu-west-1:999999999999:table/parcels"]),
    });
    const service = await platform.untilCondition(key, "SpecValid", "False");
    for (const field of [
      "spec.tier",
      "spec.owner",
      "spec.aws.policy.statements[Mine].actions",
      "spec.aws.policy.statements[Mine].resources",
    ])
      expect(messageOf(service, "SpecValid")).toContain(`${field}: `);
  });
});

describe("a service that runs", () => {
  const KEY = { namespace: NAMESPACE, name: "running" };

  test("stays as it is when a generation is refused, and takes up the next good one", async () => {
    await platform.ready(KEY, { callers: { services: [{ name: "friend" }] } });
    const pods = await podsOf(platform, KEY);
    const before = await operatorWrites(platform, NAMESPACE, KEY.name);

    await platform.applyService(KEY, { callers: { services: [{ name: "stranger" }] }, ...allow(["s3:*"], ["arn:aws:s3:::all/*"]) });
    const refused = await platform.untilCondition(KEY, "SpecValid", "False", "WildcardAction");
    await provokePass(platform, KEY);
    const after = await operatorWrites(platform, NAMESPACE, KEY.name);
    expect(after.aws).toEqual(before.aws);
    expect(
      after.kubernetes.slice(before.kubernetes.length).filter((w) => !/^(patch platformservices\/status|create events) /.test(w)),
    ).toEqual([]);
    expect(JSON.stringify(await platform.get(NAMESPACE, "networkpolicy/running-callers"))).not.toContain("stranger");
    expect((await podsOf(platform, KEY)).map((p) => p.metadata.uid)).toEqual(pods.map((p) => p.metadata.uid));
    expect(refused.status?.image?.running).toBeDefined();
    expect(refused.status?.resources?.length).toBeGreaterThan(10);

    await platform.applyService(KEY, { callers: { services: [{ name: "stranger" }] }, ...allow(["s3:GetObject"], ["arn:aws:s3:::all/*"]) });
    await platform.untilReady(KEY);
    expect(JSON.stringify(await platform.get(NAMESPACE, "networkpolicy/running-callers"))).toContain("stranger");
  });

  test("heals by itself when the cause goes: the tier comes, the tier allows the namespace", async () => {
    const key = { namespace: NAMESPACE, name: "early" };
    await platform.applyService(key, { tier: "bad-input-late" });
    await platform.untilCondition(key, "SpecValid", "False", "UnknownTier");
    await platform.apply(tierOf("bad-input-late", { allowedNamespaces: { matchLabels: { open: "yes" } } }));
    await platform.untilCondition(key, "SpecValid", "False", "TierNotAllowed");
    await platform.kubectl(["label", "namespace", NAMESPACE, "open=yes"]);
    await platform.untilCondition(key, "SpecValid", "True");
    await platform.push(key);
    expect(verdict(await platform.untilReady(key), "SpecValid")).toBe("True Valid");
  });
});
