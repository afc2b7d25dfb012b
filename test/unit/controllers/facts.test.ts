import { describe, expect, test } from "vitest";
import {
  certificateFacts,
  definitionFacts,
  deploymentFacts,
  gatewayFacts,
  nodePoolFacts,
  podFacts,
  policyFacts,
  rolloutFacts,
  serviceFacts,
} from "../../../src/controllers/facts.ts";
import type { LiveObject } from "../../../src/kube/objects.ts";

function live(fields: object, metadata: object = {}): LiveObject {
  return { apiVersion: "v1", kind: "Any", metadata: { name: "x", namespace: "n", uid: "u", resourceVersion: "1", ...metadata }, ...fields };
}

describe("what is kept of a pod", () => {
  const trouble = (status: object): unknown => podFacts(live({ spec: {}, status })).trouble;

  test("knows its containers, native sidecars among them", () => {
    const pod = podFacts(
      live({ spec: { initContainers: [{ name: "istio-proxy", image: "p" }], containers: [{ name: "app", image: "a" }] }, status: {} }),
    );
    expect(pod).toMatchObject({ containers: ["istio-proxy", "app"], images: { app: "a" }, ready: false, deleting: false });
  });

  test("knows by what digest each image runs that is named without one", () => {
    const containers = ["setup", "app", "built-here", "not-there-yet"].map((name) => ({ name, image: `example.com/${name}:1` }));
    const pinned = { name: "pinned", image: "example.com/pinned@sha256:d" };
    const status = {
      initContainerStatuses: [{ name: "setup", imageID: "docker-pullable://example.com/setup@sha256:a" }],
      containerStatuses: [
        { name: "app", imageID: "example.com/app@sha256:b" },
        { name: "built-here", imageID: "sha256:c" },
        { name: "not-there-yet", imageID: "" },
        { name: "pinned", imageID: "example.com/pinned@sha256:d" },
      ],
    };
    expect(podFacts(live({ spec: { containers: [...containers, pinned] }, status })).digests).toEqual({
      setup: "sha256:a",
      app: "sha256:b",
    });
  });

  test.for([
    [{}, false],
    [{ "ambient.istio.io/redirection": "pending" }, false],
    [{ "ambient.istio.io/redirection": "enabled" }, true],
  ] as const)("with annotations %j it is redirected: %s", ([annotations, redirected]) => {
    expect(podFacts(live({ spec: {}, status: {} }, { annotations })).redirected).toBe(redirected);
  });

  test.each([
    [
      "the scheduler's word comes first",
      { conditions: [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/3 nodes" }] },
      { reason: "Unschedulable", message: "0/3 nodes" },
    ],
    [
      "then what a container waits for",
      { containerStatuses: [{ name: "app", state: { waiting: { reason: "ImagePullBackOff", message: "not found" } } }] },
      { reason: "ImagePullBackOff", message: "not found" },
    ],
    [
      "a container that was killed for its memory says so, whatever it waits for now",
      {
        containerStatuses: [
          {
            name: "app",
            lastState: { terminated: { reason: "OOMKilled" } },
            state: { waiting: { reason: "CrashLoopBackOff", message: "back-off" } },
          },
        ],
      },
      { reason: "OOMKilled", message: "container app used more memory than its limit: raise it" },
    ],
    [
      "a container that is being created is no trouble",
      { containerStatuses: [{ name: "app", state: { waiting: { reason: "ContainerCreating" } } }] },
      undefined,
    ],
    [
      "a ready pod has none, whatever it once died of",
      {
        conditions: [{ type: "Ready", status: "True" }],
        containerStatuses: [{ name: "app", lastState: { terminated: { reason: "OOMKilled" } } }],
      },
      undefined,
    ],
  ])("%s", (_, status, expected) => {
    expect(trouble(status)).toEqual(expected);
  });
});

test("of a Deployment: the app's image, not a sidecar's, and whether its deadline has passed", () => {
  const facts = deploymentFacts(
    live(
      {
        spec: {
          replicas: 3,
          template: {
            spec: {
              containers: [
                { name: "other", image: "o" },
                { name: "app", image: "a@sha256:1" },
              ],
            },
          },
        },
        status: {
          observedGeneration: 2,
          replicas: 3,
          updatedReplicas: 1,
          readyReplicas: 2,
          conditions: [{ type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded" }],
        },
      },
      { generation: 2 },
    ),
  );
  expect(facts).toEqual({
    replicas: 3,
    image: "a@sha256:1",
    mesh: "None",
    probedPorts: [],
    labels: {},
    images: ["o", "a@sha256:1"],
    hasTemplate: true,
    progress: { state: "stuck", message: "" },
    readyReplicas: 2,
    rolledOut: false,
  });
});

describe("where the kubelet asks", () => {
  const asked = (spec: object): readonly number[] => {
    const ports = deploymentFacts(live({ spec: { template: { spec } } })).probedPorts;
    expect(podFacts(live({ spec, status: {} })).probedPorts, "a pod is asked as its template says").toEqual(ports);
    expect(rolloutFacts(live({ spec: { template: { spec } } })).probedPorts).toEqual(ports);
    return ports;
  };

  test.each<[string, object, readonly number[]]>([
    ["nobody", { containers: [{ name: "app", ports: [{ containerPort: 8080 }] }] }, []],
    ["by HTTP", { containers: [{ readinessProbe: { httpGet: { path: "/", port: 8081 } } }] }, [8081]],
    ["by TCP", { containers: [{ livenessProbe: { tcpSocket: { port: 8082 } } }] }, [8082]],
    ["by gRPC", { containers: [{ startupProbe: { grpc: { port: 8083 } } }] }, [8083]],
    ["not by a command", { containers: [{ readinessProbe: { exec: { command: ["true"] } } }] }, []],
    [
      "as it starts and ends",
      { containers: [{ lifecycle: { postStart: { httpGet: { port: 9001 } }, preStop: { httpGet: { port: 9000 } } } }] },
      [9000, 9001],
    ],
    [
      "every container and native sidecar, each port once",
      {
        initContainers: [{ restartPolicy: "Always", startupProbe: { httpGet: { port: 15_021 } } }],
        containers: [
          { readinessProbe: { httpGet: { port: 8081 } }, livenessProbe: { httpGet: { port: 8081 } } },
          { readinessProbe: { tcpSocket: { port: 5432 } } },
        ],
      },
      [5432, 8081, 15_021],
    ],
    [
      "by a name, which is of the container's own ports",
      {
        containers: [
          { ports: [{ name: "health", containerPort: 8081 }], readinessProbe: { httpGet: { port: "health" } } },
          { ports: [{ name: "health", containerPort: 9081 }], readinessProbe: { httpGet: { port: "health" } } },
        ],
      },
      [8081, 9081],
    ],
    ["nobody by a name that is of no port", { containers: [{ readinessProbe: { httpGet: { port: "health" } } }] }, []],
  ])("%s", (_, spec, expected) => {
    expect(asked(spec)).toEqual(expected);
  });
});

test("of a Rollout: how it fares and how many of its pods are ready, by its controller's word of the newest generation", () => {
  const facts = (observedGeneration: string) =>
    rolloutFacts(live({ spec: { template: {} }, status: { observedGeneration, phase: "Healthy", readyReplicas: 4 } }, { generation: 2 }));
  expect(facts("2")).toMatchObject({ progress: { state: "complete" }, readyReplicas: 4, rolledOut: true });
  expect(facts("1")).toMatchObject({ progress: { state: "underWay" }, rolledOut: false });
});

describe("a rollout is over", () => {
  const done = { type: "Progressing", status: "True", reason: "NewReplicaSetAvailable" };
  test.each<[string, object, boolean]>([
    ["when the Deployment controller says so", { observedGeneration: 2, replicas: 3, updatedReplicas: 3, conditions: [done] }, true],
    [
      "though pods are lost later",
      { observedGeneration: 2, replicas: 3, updatedReplicas: 3, availableReplicas: 1, conditions: [done] },
      true,
    ],
    ["not when it says so of the generation before", { observedGeneration: 1, replicas: 3, updatedReplicas: 3, conditions: [done] }, false],
    ["not when a template has gone back and the other one's pods run", { observedGeneration: 2, replicas: 3, conditions: [done] }, false],
    ["nor while some of them do", { observedGeneration: 2, replicas: 4, updatedReplicas: 2, conditions: [done] }, false],
    [
      "without a deadline, of which nothing is said, when the replicas tell",
      { observedGeneration: 2, replicas: 1, updatedReplicas: 1, availableReplicas: 1 },
      true,
    ],
    ["and not while they do not", { observedGeneration: 2, replicas: 1, updatedReplicas: 1 }, false],
  ])("%s", (_, status, expected) => {
    expect(deploymentFacts(live({ status }, { generation: 2 })).rolledOut).toBe(expected);
  });
});

test("of a Service: its selector and ports; a targetPort that is left out is the port", () => {
  expect(serviceFacts(live({ spec: { selector: { app: "redis" }, ports: [{ port: 6379 }, { port: 80, targetPort: "http" }] } }))).toEqual({
    selector: { app: "redis" },
    ports: [
      { port: 6379, targetPort: 6379 },
      { port: 80, targetPort: "http" },
    ],
  });
});

test("of a NodePool: the values that each requirement allows, and its taints", () => {
  const facts = nodePoolFacts(
    live({
      spec: {
        template: {
          spec: {
            requirements: [
              { key: "kubernetes.io/arch", operator: "In", values: ["arm64"] },
              { key: "karpenter.k8s.aws/instance-size", operator: "NotIn", values: ["nano"] },
            ],
            taints: [{ key: "dedicated", value: "payments", effect: "NoSchedule" }],
          },
        },
      },
    }),
  );
  expect(facts).toEqual({
    name: "x",
    requirements: { "kubernetes.io/arch": ["arm64"] },
    taints: [{ key: "dedicated", value: "payments", effect: "NoSchedule" }],
  });
});

test("of a NetworkPolicy: whom it selects, and whether it opens anything", () => {
  expect(policyFacts(live({ spec: { podSelector: {}, policyTypes: ["Ingress"] } }))).toMatchObject({ podSelector: {}, opens: false });
  expect(policyFacts(live({ spec: { podSelector: { matchLabels: { a: "b" } }, ingress: [{}] } }))).toMatchObject({
    podSelector: { matchLabels: { a: "b" } },
    opens: true,
  });
});

test.for([
  [{}, undefined],
  [{ "istio.io/use-waypoint": "" }, undefined],
  [{ "istio.io/use-waypoint": "none" }, "none"],
  [{ "istio.io/use-waypoint": "w" }, { namespace: "n", name: "w" }],
  [
    { "istio.io/use-waypoint": "w", "istio.io/use-waypoint-namespace": "other" },
    { namespace: "other", name: "w" },
  ],
] as const)("of a Service with labels %j: its waypoint is %j", ([labels, expected]) => {
  expect(serviceFacts(live({ spec: {} }, { labels })).useWaypoint).toEqual(expected);
});

test.for([
  [{ labels: { "sidecar.istio.io/inject": "true" } }, {}, "Istio"],
  [{ labels: { "istio.io/dataplane-mode": "ambient", "sidecar.istio.io/inject": "false" } }, {}, "Istio"],
  [{ labels: {} }, { initContainers: [{ name: "proxyinit" }, { name: "envoy" }] }, "AppMesh"],
  [{}, {}, "None"],
] as const)("of a pod template with %j and %j: it asks for mesh %s", ([metadata, spec, mesh]) => {
  expect(deploymentFacts(live({ spec: { template: { metadata, spec } } })).mesh).toBe(mesh);
});

describe("of a Certificate", () => {
  const facts = (status: object, generation = 1) => certificateFacts(live({ status }, { generation }));
  const ready = (status: string, observedGeneration = 1) => ({ type: "Ready", status, observedGeneration, reason: "R", message: "m" });

  test("whether its Secret is as asked, by cert-manager's word on this generation", () => {
    expect(facts({ conditions: [ready("True")], revision: 2 })).toEqual({ ready: true, issuing: false, revision: 2, trouble: undefined });
    expect(facts({ conditions: [ready("True")], revision: 2 }, 2)).toMatchObject({ ready: false, trouble: undefined });
    expect(facts({})).toEqual({ ready: false, issuing: false, revision: 0, trouble: undefined });
  });

  test("what keeps it from being so: how its last issue failed, where one has", () => {
    const issuing = (status: string) => ({ type: "Issuing", status, reason: "Failed", message: "denied" });
    expect(facts({ conditions: [ready("False")] })).toMatchObject({ ready: false, issuing: false, trouble: "R: m" });
    expect(facts({ conditions: [issuing("True"), ready("False")] })).toMatchObject({ issuing: true, trouble: "R: m" });
    expect(facts({ conditions: [issuing("False"), ready("False")] })).toMatchObject({ issuing: false, trouble: "Failed: denied" });
  });
});

test("of a Gateway: whether its controller has set it up", () => {
  expect(gatewayFacts(live({ spec: {} }))).toEqual({ programmed: false });
  const status = (value: string) => ({
    conditions: [
      { type: "Accepted", status: "True" },
      { type: "Programmed", status: value },
    ],
  });
  expect(gatewayFacts(live({ status: status("False") }))).toEqual({ programmed: false });
  expect(gatewayFacts(live({ status: status("True") }))).toEqual({ programmed: true });
});

describe("of a CustomResourceDefinition", () => {
  const definition = (properties: object) => {
    const rules = { items: { properties } };
    const schema = { openAPIV3Schema: { properties: { spec: { properties: { rules } } } } };
    const versions = [{ name: "v1beta1" }, { name: "v1", schema }];
    return live({
      spec: { group: "gateway.networking.k8s.io", names: { kind: "HTTPRoute" }, versions },
      status: { conditions: [{ type: "Established", status: "True" }] },
    });
  };

  test("its kind, and whether it is served", () => {
    expect(definitionFacts(definition({}))).toEqual({
      group: "gateway.networking.k8s.io",
      kind: "HTTPRoute",
      established: true,
      canForbidRetries: false,
    });
    expect(definitionFacts(live({ spec: {} })).established).toBe(false);
  });

  test.for([
    ["no retries, as in the standard channel until 1.6", {}, false],
    [
      "at least one, as in the experimental channel of 1.6",
      { retry: { properties: { attempts: { type: "integer", minimum: 1 } } } },
      false,
    ],
    ["any number", { retry: { properties: { attempts: { type: "integer" } } } }, true],
    ["none, as from 1.7 on", { retry: { properties: { attempts: { type: "integer", minimum: 0, default: 1 } } } }, true],
  ] as const)("whether a rule of an HTTPRoute can forbid retries: %s", ([, properties, expected]) => {
    expect(definitionFacts(definition(properties)).canForbidRetries).toBe(expected);
  });
});

test.each([
  [["AWS_WEB_IDENTITY_TOKEN_FILE"], "IRSA"],
  [["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"], "PodIdentity"],
  [["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE"], "IRSA"],
  [["LOG_LEVEL"], undefined],
])("of a pod: with %j in the app's environment it has the token of %s", (names, token) => {
  const containers = [
    { name: "proxy", env: [{ name: "AWS_WEB_IDENTITY_TOKEN_FILE", value: "x" }] },
    { name: "app", env: names.map((name) => ({ name, value: "x" })) },
  ];
  expect(podFacts(live({ spec: { containers } })).token).toBe(token);
});
