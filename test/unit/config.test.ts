import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ConfigError, parseConfig, readSettings } from "../../src/config.ts";

const FILE = join(import.meta.dirname, "../../config/dev/operator-config.yaml");
/** Without its mesh, which each test writes that is about one. */
const VALID = readFileSync(FILE, "utf8").replace(/^mesh:\n(?: .*\n)*/m, "");

const dir = mkdtempSync(join(tmpdir(), "platform-operator-config-"));
const AT_ONE_A_TIME = join(dir, "one.yaml");
writeFileSync(AT_ONE_A_TIME, `${VALID}\nrollout: { maxConcurrent: 1 }\n`);
afterAll(() => rmSync(dir, { recursive: true }));

/** The design's sample (api.md, Configuration), as it stands there. */
const SAMPLE = `
cluster: { name: prod, region: eu-west-1, accountId: "111122223333", oidcIssuer: "https://oidc.eks.eu-west-1.amazonaws.com/id/ABC" }
identity: { default: IRSA, permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/platform-boundary", allowedBoundaryArns: [], allowedManagedPolicyArns: [], trustedAccounts: [] }
tenancy:                                                                    # namespace -> what it may name; nothing listed: refused
  - { namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: tracking } }, owners: [tracking-squad], resourceArns: ["arn:aws:dynamodb:*:111122223333:table/*", "arn:aws:s3:::meridian-tracking/*"] }
rollout: { maxConcurrent: 5% }
registry: { repositoryPrefix: "", encryption: { type: AES256 } }            # scanning of the registry is checked and reported, not written
mesh:
  default: Istio                                                            # Istio | AppMesh | None
  overrides: [{ namespaceSelector: { matchLabels: { mesh: appmesh } }, provider: AppMesh }]
  istio: { dataPlane: Sidecar }                                             # Ambient is refused at start until it is built
  appMesh: { meshName: platform, envoyImage: … }                            # the mesh itself is the platform's: it must exist
network: { dns: { namespace: kube-system, labels: { k8s-app: kube-dns }, nodeLocal: null }, monitoringNamespace: monitoring, awsEndpointCidrs: { interface: [], s3: [], dynamodb: [] }, platformIngress: [], platformEgress: [], privateCidrs: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16] }
aws: { endpoint: null, sweepInterval: 10m, limits: { iam: 10/s, ecr: 20/s, appmesh: 20/s } }
`;

function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return "accepted";
}

describe("the configuration file", () => {
  test("gets every default that it does not write", () => {
    const config = parseConfig(VALID, "test");
    expect(config.rollout).toEqual({ maxConcurrent: "5%" });
    expect(config.mesh.default).toBe("Istio");
    expect(config.network.privateCidrs).toEqual(["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]);
  });

  test("of the design is accepted, once App Mesh has the images that it leaves open", () => {
    // It writes envoyImage: … and has no proxyInitImage, which is required since pods are led through Envoy by an image of AWS's own.
    const images = "envoyImage: registry.example.com/envoy:v1, proxyInitImage: registry.example.com/init:v7";
    expect(SAMPLE).toContain("envoyImage: …");
    const config = parseConfig(SAMPLE.replace("envoyImage: …", images), "api.md");
    expect(config).toMatchObject({
      identity: { trustedAccounts: [] },
      registry: { repositoryPrefix: "" },
      mesh: { appMesh: { meshName: "platform" } },
      network: { platformIngress: [], platformEgress: [] },
    });
  });

  test("App Mesh may be set up before any namespace is in it", () => {
    const appMesh = "{ meshName: platform, envoyImage: registry.example.com/envoy:v1, proxyInitImage: registry.example.com/init:v7 }";
    expect(parseConfig(`${VALID}\nmesh: { appMesh: ${appMesh} }\n`, "test").mesh.appMesh).toMatchObject({
      certificates: null,
      retired: false,
    });
    expect(parseConfig(`${VALID}\nmesh: { default: AppMesh, appMesh: ${appMesh} }\n`, "test").mesh.default).toBe("AppMesh");
  });

  test("a workspace may be in another region, and stay when the rules are delivered otherwise", () => {
    const workspaceArn = "arn:aws:aps:us-east-1:111122223333:workspace/ws-1";
    expect(parseConfig(`${VALID}\nslos: { delivery: ConfigMap, workspaceArn: "${workspaceArn}" }\n`, "test").slos).toMatchObject({
      delivery: "ConfigMap",
      workspaceArn,
    });
    expect(parseConfig(VALID, "test").slos).toMatchObject({ delivery: "PrometheusRule", workspaceArn: null });
  });

  test.each([
    ["a field that does not exist", VALID.replace("cluster:", "clusters: {}\ncluster:"), "clusters"],
    ["an account that is no account", VALID.replace('"111122223333"', '"1111"'), "cluster.accountId"],
    ["an issuer that is not https", VALID.replace("https://oidc", "http://oidc"), "cluster.oidcIssuer"],
    ["a missing boundary", VALID.replace(/ {2}permissionsBoundaryArn.*\n/, ""), "identity.permissionsBoundaryArn"],
    ["a data plane that Istio has not", `${VALID}\nmesh: { istio: { dataPlane: Proxyless } }\n`, "mesh.istio.dataPlane"],
    ["App Mesh by default and no word of how", `${VALID}\nmesh: { default: AppMesh }\n`, "mesh.appMesh"],
    [
      "App Mesh for some and no word of how",
      `${VALID}\nmesh: { overrides: [{ namespaceSelector: {}, provider: AppMesh }] }\n`,
      "write its meshName, envoyImage and proxyInitImage",
    ],
    ["rules for Amazon and no word of where", `${VALID}\nslos: { delivery: AmazonManagedPrometheus }\n`, "write the ARN of the workspace"],
    [
      "a workspace of another account",
      `${VALID}\nslos: { workspaceArn: "arn:aws:aps:eu-west-1:999988887777:workspace/ws-1" }\n`,
      "must be a workspace of the account cluster.accountId",
    ],
    [
      "what is no workspace",
      `${VALID}\nslos: { workspaceArn: "arn:aws:aps:eu-west-1:111122223333:rulegroupsnamespace/ws-1/a" }\n`,
      "must be the ARN of a workspace",
    ],
    ["a way for rules that there is not", `${VALID}\nslos: { delivery: Mimir }\n`, "slos.delivery"],
    ["a default identity that is not installed", VALID.replace("modes: [IRSA, PodIdentity]", "default: PodIdentity"), "identity.default"],
    ["what is no YAML", "cluster: [", "not YAML"],
    ["an empty file", "", "not a valid configuration"],
  ])("is refused for %s, naming it", (_, text, named) => {
    expect(refusal(() => parseConfig(text, "operator.yaml"))).toContain(named);
    expect(refusal(() => parseConfig(text, "operator.yaml"))).toContain("operator.yaml");
  });
});

describe("flags and environment", () => {
  test("--help asks for nothing else", () => {
    expect(readSettings(["--help"], {})).toBeUndefined();
  });

  test("the configuration comes from the flag, else from the environment, and is frozen", () => {
    const settings = readSettings(["--config", FILE], { PLATFORM_OPERATOR_CONFIG: "/nowhere" });
    expect(settings).toMatchObject({ telemetryAddress: ":8080", logLevel: "info", workers: 16, perServiceMetrics: "Full" });
    expect(Object.isFrozen(settings?.config.cluster)).toBe(true);
    expect(readSettings([], { PLATFORM_OPERATOR_CONFIG: FILE, LOG_LEVEL: "debug" })?.logLevel).toBe("debug");
  });

  test("there is a leader election unless it is switched off, by client-go's times", () => {
    const standard = { shards: 1, namespace: "platform-system", durationMs: 15_000, renewDeadlineMs: 10_000, retryPeriodMs: 2_000 };
    expect(readSettings(["--config", FILE], {})?.leaderElection).toEqual(standard);
    expect(readSettings(["--config", FILE, "--leader-elect"], {})?.leaderElection).toEqual(standard);
    expect(readSettings(["--config", FILE, "--leader-elect=false"], {})?.leaderElection).toBeUndefined();
    const own = ["--leader-election-namespace=ops", "--leader-election-lease-duration=1m", "--leader-election-renew-deadline=40s"];
    expect(readSettings(["--config", FILE, ...own, "--shards=4", "--leader-election-retry-period=500ms"], {})?.leaderElection).toEqual({
      shards: 4,
      namespace: "ops",
      durationMs: 60_000,
      renewDeadlineMs: 40_000,
      retryPeriodMs: 500,
    });
  });

  test.each([
    ["no configuration", [], "--config FILE is required"],
    ["a file that is not there", ["--config", "/nowhere.yaml"], "cannot read the configuration /nowhere.yaml"],
    ["a flag that does not exist", ["--config", FILE, "--colour"], "--colour"],
    ["a level that does not exist", ["--config", FILE, "--log-level", "loud"], "must be one of trace, debug, info, warn, error"],
    [
      "more shards than may be rolled out at a time",
      ["--config", AT_ONE_A_TIME, "--shards", "2"],
      "--shards is 2, and rollout.maxConcurrent 1: let at least one service of each shard be rolled out at a time",
    ],
    ["no shard", ["--config", FILE, "--shards", "0"], "whole number of at least 1"],
    ["too many shards", ["--config", FILE, "--shards", "17"], "--shards is 17; it must be at most 16"],
    ["no workers", ["--config", FILE, "--workers", "0"], "whole number of at least 1"],
    ["a switch that is neither on nor off", ["--config", FILE, "--leader-elect=perhaps"], "must be one of true, false"],
    [
      "a time that is none",
      ["--config", FILE, "--leader-election-retry-period", "2"],
      "--leader-election-retry-period is 2; it must be a duration such as 15s",
    ],
    ["a lease of half seconds", ["--config", FILE, "--leader-election-lease-duration", "15500ms"], "whole seconds"],
    [
      "a lease that ends with its leader",
      ["--config", FILE, "--leader-election-lease-duration", "10s"],
      "--leader-election-lease-duration must be longer than the renew deadline",
    ],
    [
      "a leader that renews too late",
      ["--config", FILE, "--leader-election-retry-period", "10s"],
      "--leader-election-renew-deadline must be longer than the retry period",
    ],
  ])("%s is refused with what to do", (_, argv, named) => {
    expect(refusal(() => readSettings(argv, {}))).toContain(named);
  });
});
