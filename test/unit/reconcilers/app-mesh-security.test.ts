import { describe, expect, test } from "vitest";
import { appMeshObstacle, ensureCertificate, rightsOfOthers } from "../../../src/reconcilers/platform-service/app-mesh-security.ts";
import { asWrittenInAppMesh } from "../../../src/reconcilers/platform-service/app-mesh-traffic.ts";
import { callersElsewhere } from "../../../src/reconcilers/platform-service/mesh-borders.ts";
import { missingGrants } from "../../../src/reconcilers/platform-service/dependencies.ts";
import type { Facts } from "../../../src/reconcilers/platform-service/scope.ts";
import type { CertificateState } from "../../../src/reconcilers/ports.ts";
import { appMeshConfig } from "../../support/app-mesh-config.ts";
import { shippedTier, testService } from "../../support/effective-services.ts";
import { watchedWorld } from "../../support/watched-world.ts";

const CONFIG = appMeshConfig();
const PLAIN = appMeshConfig({ appMesh: { certificates: null } });
const PERMISSIVE = shippedTier("tier-2", { network: { mtls: "Permissive" } });
const ENFORCE = "pod-security.kubernetes.io/enforce";

describe("a pod in App Mesh is not made", () => {
  const service = testService({ config: CONFIG });

  test.each(["restricted", "baseline"])("in a namespace that enforces %s, and the message says what to do", (level) => {
    const report = appMeshObstacle({ service, config: CONFIG, namespaceLabels: { [ENFORCE]: level } });
    expect(report).toMatchObject({ state: "blocked", reason: "PodSecurity" });
    expect(report).toHaveProperty("message", expect.stringContaining(`namespace dispatch enforces the Pod Security Standard ${level}`));
    expect(report).toHaveProperty("message", expect.stringContaining("mesh.overrides"));
  });

  test("where the tier asks for mutual TLS and the mesh has no certificates", () => {
    const of = (tier = service.tier) => appMeshObstacle({ service: { ...service, tier }, config: PLAIN, namespaceLabels: {} });
    expect(of()).toMatchObject({
      state: "blocked",
      reason: "NoCertificates",
      message: expect.stringContaining("mesh.appMesh.certificates"),
    });
    expect(of(PERMISSIVE)).toBeUndefined();
  });

  test.each([undefined, "privileged"])("for nothing else: a namespace that enforces %s", (level) => {
    expect(appMeshObstacle({ service, config: CONFIG, namespaceLabels: level === undefined ? {} : { [ENFORCE]: level } })).toBeUndefined();
  });
});

test("a role that others own needs a right of theirs, which is said", () => {
  const existingRole = "arn:aws:iam::111122223333:role/terraform/web";
  expect(rightsOfOthers(testService({ config: CONFIG, spec: { aws: { existingRole } } }), CONFIG)).toBe(
    `Envoy has role ${existingRole}, whose owner has to allow appmesh:StreamAggregatedResources on arn:aws:appmesh:eu-west-1:111122223333:mesh/platform/virtualNode/demo_dispatch_matching`,
  );
  expect(rightsOfOthers(testService({ config: CONFIG }), CONFIG)).toBeUndefined();
});

describe("a certificate", () => {
  const judged = (state: CertificateState | undefined, config = CONFIG) => {
    const facts: Facts = {};
    const report = ensureCertificate({ service: testService({ config }), config, facts, world: { certificate: () => state } });
    return { ...report, revision: facts.certificateRevision };
  };
  const state = { ready: false, issuing: false, revision: 0, trouble: undefined };

  test("that is there tells the pods which it is", () => {
    expect(judged({ ...state, ready: true, revision: 3 })).toEqual({ revision: 3 });
    expect(judged(undefined, PLAIN)).toEqual({ revision: undefined });
  });

  test.each([
    ["is not there yet", undefined],
    ["nobody has looked at", state],
    ["is being issued", { ...state, issuing: true, trouble: "DoesNotExist: no Secret" }],
  ])("that %s is waited for, and whom to ask is said", (_, one) => {
    expect(judged(one)).toMatchObject({
      state: "progressing",
      reason: "WaitingForCertificate",
      message: expect.stringContaining("that cert-manager runs and that ClusterIssuer mesh-ca is ready"),
    });
  });

  test("that cannot be issued blocks, in cert-manager's words", () => {
    expect(judged({ ...state, trouble: "Failed: denied" })).toMatchObject({
      state: "blocked",
      reason: "CertificateNotReady",
      message:
        "cert-manager has not issued Certificate matching-mesh-tls (Failed: denied): see its conditions, and those of ClusterIssuer mesh-ca",
    });
  });
});

describe("calls to what may take longer than App Mesh's own timeout", () => {
  const config = appMeshConfig({
    default: "None",
    overrides: [{ namespaceSelector: { matchLabels: { mesh: "app" } }, provider: "AppMesh" }],
  });
  const calls = (...names: readonly string[]) => ({ dependencies: { services: names.map((name) => ({ name, namespace: "inside" })) } });
  const routes = (timeout: string) => [{ name: "all", timeout }];
  const said = (spec: Readonly<Record<string, unknown>>) => {
    const it = watchedWorld();
    it.namespace("inside", { mesh: "app" });
    it.namespace("outside");
    it.service("inside", "slow", { tier: "tier-2", port: 8080, protocol: "http", routes: routes("20s") });
    it.service("inside", "endless", { tier: "tier-2", port: 8080, protocol: "grpc" });
    it.service("inside", "fast", { tier: "tier-2", port: 8080, protocol: "http", routes: routes("15s") });
    it.service("inside", "stream", { tier: "tier-2", port: 8080, protocol: "tcp" });
    it.service("inside", "deaf", { tier: "tier-2", protocol: "http" });
    it.service("outside", "slow", { tier: "tier-2", port: 8080, protocol: "http", routes: routes("20s") });
    return asWrittenInAppMesh({ service: testService({ config, spec }), config, world: it.world });
  };

  test("are named where the service has no port, and what to do", () => {
    expect(said(calls("slow", "fast", "stream", "deaf", "missing", "endless"))).toEqual({
      state: "ready",
      reason: "CallsCutShort",
      message:
        "App Mesh may end calls to inside/endless, inside/slow after its own 15 s, whatever their routes say, since this service has no port, so no listener that could say otherwise: write spec.port where it listens to one, or ask for timeouts of at most 15s in their spec.routes",
    });
  });

  test("are named where its own protocol has no timeouts", () => {
    expect(said({ port: 5432, protocol: "tcp", ...calls("slow") })).toMatchObject({
      reason: "CallsCutShort",
      message: expect.stringContaining("is of protocol tcp, whose listener cannot say otherwise: ask for timeouts"),
    });
  });

  test.each<[string, Readonly<Record<string, unknown>>]>([
    ["whose listener says how long they may take", { port: 8080, ...calls("slow", "endless") }],
    ["that has none of them", calls("fast", "stream", "deaf", "missing")],
    ["that calls into no mesh", { dependencies: { services: [{ name: "slow", namespace: "outside" }] } }],
  ])("are nothing to say of a service %s", (_, spec) => {
    expect(said(spec)).toEqual({ state: "ready" });
  });
});

describe("mutual TLS between meshes", () => {
  const config = appMeshConfig({
    default: "Istio",
    overrides: [{ namespaceSelector: { matchLabels: { mesh: "app" } }, provider: "AppMesh" }],
  });
  const callers = {
    services: [
      { name: "near", namespace: "inside" },
      { name: "far", namespace: "outside" },
      { name: "nowhere", namespace: "absent" },
    ],
  };
  const world = () => {
    const it = watchedWorld();
    it.tier("tier-2", {}, { isolation: "Standard", mtls: "Strict" });
    it.tier("open", {}, { isolation: "Standard", mtls: "Permissive" });
    it.namespace("inside", { mesh: "app" });
    it.namespace("outside");
    for (const tier of ["tier-2", "open"])
      it.service("inside", `of-${tier}`, { tier, port: 8080, callers: { services: [{ name: "matching", namespace: "dispatch" }] } });
    return it.world;
  };
  const inAppMesh = { ...testService({ config, spec: { port: 8080, callers } }), mesh: "AppMesh" as const };

  test("keeps callers of another one out, and they are named", () => {
    expect(callersElsewhere(inAppMesh, world(), config)).toEqual([{ name: "far", namespace: "outside" }]);
    expect(callersElsewhere({ ...inAppMesh, tier: PERMISSIVE }, world(), config)).toEqual([]);
    expect(callersElsewhere({ ...inAppMesh, mesh: "None" }, world(), config)).toEqual([]);
  });

  test("is said to who calls as well", () => {
    const dependencies = { services: ["tier-2", "open"].map((tier) => ({ name: `of-${tier}`, namespace: "inside" })) };
    const service = testService({ config, spec: { dependencies } });
    expect(missingGrants(service, world(), config)).toEqual([
      {
        reason: "OtherMesh",
        message:
          "inside/of-tier-2 is in mesh AppMesh with the mutual TLS of tier tier-2, and this service is in Istio: ask the platform team for the same mesh in both namespaces (mesh.overrides of the operator's configuration)",
      },
    ]);
    expect(missingGrants({ ...service, mesh: "AppMesh" }, world(), config)).toEqual([]);
  });
});
