import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";

import { structuralSchema } from "../../src/crds/json-schema.ts";
import { customResourceDefinition, PLATFORM_SERVICE, PLATFORM_TIER, type Kind } from "../../src/crds/to-crd.ts";
import { apiClient, type ApiAnswer, type ApiClient } from "../support/api-client.ts";
import { sharedCluster } from "../support/cluster.ts";
import { FULL_SERVICE, FULL_TIER, MINIMAL_SERVICE, MINIMAL_TIER } from "../support/full-objects.ts";
import { valueAt, withChanges, type Changes, type Json } from "../support/json-path.ts";
import { brokenBounds } from "../support/schema-bounds.ts";
import { SERVICE_ACCEPTED, SERVICE_REFUSALS, SERVICE_UPDATE_REFUSALS } from "../support/service-cases.ts";
import { TIER_ACCEPTED, TIER_REFUSALS } from "../support/tier-cases.ts";

const CONFIG = join(import.meta.dirname, "..", "..", "config");
const NAMESPACE = "crd-test";
const GROUP_VERSION = "/apis/platform-operator.dev/v1alpha1";
const SERVICES = `${GROUP_VERSION}/namespaces/${NAMESPACE}/platformservices`;
const TIERS = `${GROUP_VERSION}/platformtiers`;
const CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const DRY_RUN = "?dryRun=All&fieldValidation=Strict";

/** Causes of these fields are about the whole object. */
const WHOLE_OBJECT = ["", "<nil>"];

const { kubectl, ...cluster } = sharedCluster();
let api: ApiClient;
beforeAll(async () => {
  api = apiClient(cluster);
  await api.send("POST", "/api/v1/namespaces", { metadata: { name: NAMESPACE } });
});
afterAll(async () => {
  await api.send("DELETE", `/api/v1/namespaces/${NAMESPACE}`);
  await api.close();
});

const inNamespace = (service: Json): Json => withChanges(service, { "metadata.namespace": NAMESPACE });

interface Subject {
  readonly kind: Kind;
  readonly collection: string;
  readonly full: Json;
}

const SUBJECTS: readonly Subject[] = [
  { kind: PLATFORM_SERVICE, collection: SERVICES, full: inNamespace(FULL_SERVICE) },
  { kind: PLATFORM_TIER, collection: TIERS, full: FULL_TIER },
];

function tryCreate({ collection, full }: Subject, changes: Changes): Promise<ApiAnswer> {
  return api.send("POST", `${collection}${DRY_RUN}`, withChanges(full, changes));
}

/** The causes that are about `field`, in words. */
function saidOf({ causes }: ApiAnswer, field: string): readonly string[] {
  return causes
    .filter((cause) => cause.field === field || (field === "" && WHOLE_OBJECT.includes(cause.field)))
    .map(({ reason, message }) => `${reason}: ${message}`);
}

/** Matches a list of which one text holds the message. */
function saying(message: string): unknown {
  return expect.arrayContaining([expect.stringContaining(message)]);
}

describe.each(SUBJECTS)("the CRD of $kind.kind", (subject) => {
  const { kind } = subject;

  test("is accepted by the API server without a warning", async () => {
    const generated = customResourceDefinition(kind);
    const stored = await api.send("GET", `${CRDS}/${kind.plural}.platform-operator.dev`);
    const resourceVersion = valueAt(plain(stored.body), "metadata.resourceVersion") ?? "";
    const update = withChanges(plain(generated), { "metadata.resourceVersion": resourceVersion });
    const answer = await api.send("PUT", `${CRDS}/${kind.plural}.platform-operator.dev${DRY_RUN}`, update);
    expect({ code: answer.code, warnings: answer.warnings, causes: answer.causes }).toEqual({ code: 200, warnings: [], causes: [] });
    expect(valueAt(plain(stored.body), "status.conditions")).toContainEqual(
      expect.objectContaining({ type: "Established", status: "True" }),
    );
  });

  test.each(kind === PLATFORM_SERVICE ? SERVICE_REFUSALS : TIER_REFUSALS)(
    "refuses at $field: $message",
    async ({ field, message, examples }) => {
      for (const changes of examples) {
        const answer = await tryCreate(subject, changes);
        expect({ changes, code: answer.code, said: saidOf(answer, field) }).toEqual({ changes, code: 422, said: saying(message) });
      }
    },
  );

  test.each(Object.entries(kind === PLATFORM_SERVICE ? SERVICE_ACCEPTED : TIER_ACCEPTED))("accepts %s", async (_, changes) => {
    const answer = await tryCreate(subject, changes);
    expect({ code: answer.code, warnings: answer.warnings, causes: answer.causes }).toEqual({ code: 201, warnings: [], causes: [] });
  });

  test("refuses a value beyond every enum, length, count and range, and every missing required field, naming the field", async () => {
    const bounds = brokenBounds(structuralSchema(kind.spec), "spec");
    const wrong: string[] = [];
    for (const { field, bound, reason, changes } of bounds) {
      const answer = await tryCreate(subject, changes);
      const said = saidOf(answer, field);
      if (answer.code !== 422 || !said.some((words) => words.startsWith(reason)))
        wrong.push(`${field} ${bound}: ${answer.code} ${said.join(" | ")}`);
    }
    expect(wrong).toEqual([]);
  });

  test("shows nothing as current before the first pass", async () => {
    const answer = await tryCreate(subject, {});
    expect(valueAt(plain(answer.body), "status")).toEqual({ observedGeneration: -1 });
  });
});

describe("a stored PlatformService", () => {
  test.each(SERVICE_UPDATE_REFUSALS)("refuses at $field: $message", async ({ field, message, examples }) => {
    const created = await api.send("POST", SERVICES, inNamespace(FULL_SERVICE));
    expect(created.code).toBe(201);
    for (const changes of examples) {
      const answer = await api.send("PUT", `${SERVICES}/matching${DRY_RUN}`, withChanges(plain(created.body), changes));
      expect({ changes, code: answer.code, said: saidOf(answer, field) }).toEqual({ changes, code: 422, said: saying(message) });
    }
    const other = await api.send("PUT", `${SERVICES}/matching${DRY_RUN}`, withChanges(plain(created.body), { "spec.image.tag": "2.7.1" }));
    expect(other.code).toBe(200);
    await api.send("DELETE", `${SERVICES}/matching`);
  });

  test("gets the defaults that are the same everywhere", async () => {
    const answer = await api.send("POST", `${SERVICES}${DRY_RUN}`, inNamespace(withChanges(MINIMAL_SERVICE, { "spec.aws": {} })));
    expect(valueAt(plain(answer.body), "spec")).toEqual({
      owner: "tracking-squad",
      tier: "tier-2",
      image: { deletionPolicy: "Retain" },
      protocol: "http",
      aws: { deletionPolicy: "Delete" },
    });
  });

  test("shows its tag or its digest, whichever is written, and its conditions, in kubectl get", async () => {
    const digest = `sha256:${"a".repeat(64)}`;
    await api.send("POST", SERVICES, inNamespace(withChanges(MINIMAL_SERVICE, { "metadata.name": "by-tag", "spec.image.tag": "1.4.2" })));
    await api.send(
      "POST",
      SERVICES,
      inNamespace(withChanges(MINIMAL_SERVICE, { "metadata.name": "by-digest", "spec.image.digest": digest })),
    );
    const ready = {
      type: "Ready",
      status: "False",
      reason: "NoImage",
      message: "push it",
      lastTransitionTime: "2026-01-01T00:00:00Z",
      observedGeneration: 1,
    };
    const stored = await api.send("GET", `${SERVICES}/by-tag`);
    await api.send(
      "PUT",
      `${SERVICES}/by-tag/status`,
      withChanges(plain(stored.body), {
        status: { observedGeneration: 1, conditions: [ready], role: { arn: "arn:aws:iam::111122223333:role/r" }, budget: "Low" },
      }),
    );
    const table = (await kubectl(["get", "psvc", "-n", NAMESPACE, "-o", "wide"]))
      .split("\n")
      .map((line) => line.replaceAll(/ {2,}/g, "  ").trim());
    expect(table[0]).toBe("NAME  READY  REASON  TIER  IMAGE  BUDGET  AGE  OWNER  ROLE  MESH  MESSAGE");
    expect(table[1]).toMatch(new RegExp(`^by-digest  tier-2  ${digest}  [0-9a-z]+  tracking-squad$`));
    expect(table[2]).toMatch(
      /^by-tag {2}False {2}NoImage {2}tier-2 {2}1\.4\.2 {2}Low {2}[0-9a-z]+ {2}tracking-squad {2}arn:\S+ {2}push it$/,
    );
    const selected = await kubectl([
      "get",
      "psvc",
      "-n",
      NAMESPACE,
      "--field-selector",
      "spec.tier=tier-2,spec.owner=tracking-squad",
      "-o",
      "name",
    ]);
    expect(selected.trim().split("\n")).toHaveLength(2);
  });
});

test("the least that a tier can say is accepted, with its defaults", async () => {
  const answer = await api.send("POST", `${TIERS}${DRY_RUN}`, MINIMAL_TIER);
  expect(valueAt(plain(answer.body), "spec")).toEqual({
    availability: { minReplicas: 1, maxUnavailable: 1, zoneSpread: "Preferred", preStopDelay: "5s", terminationGracePeriod: "30s" },
    placement: { nodePools: ["general"], capacityTypes: ["on-demand"], architectures: ["arm64"], dedicated: false },
    network: { mtls: "Strict", isolation: "Standard" },
  });
});

test.each(["tiers", "samples"])("config/%s is accepted as it stands, strictly and without a warning", async (folder) => {
  const files = (await readdir(join(CONFIG, folder))).filter((file) => file.endsWith(".yaml")).toSorted();
  for (const file of files) {
    for (const document of parseAllDocuments(await readFile(join(CONFIG, folder, file), "utf8"))) {
      const object = plain(document.toJS());
      const answer = await api.send("POST", `${collectionOf(object)}${DRY_RUN}`, withChanges(object, namespaceThatExists(object)));
      expect({ file, code: answer.code, warnings: answer.warnings, causes: answer.causes }).toEqual({
        file,
        code: 201,
        warnings: [],
        causes: [],
      });
    }
  }
});

test("kubectl explain reads like documentation", async () => {
  const text = (await kubectl(["explain", "psvc.spec.routes"])).replaceAll(/\s+/g, " ");
  expect(text).toContain("FIELD: routes <[]Object>");
  expect(text).toContain(
    "The first route that matches wins, in the order written; Istio's ambient data plane takes only orders that it can keep. None written: one route, which takes everything. FIELDS:",
  );
  expect(text).toContain("name <string> -required- Name of the route, unique in the service, as match.");
  expect(text).toContain(
    "timeout <string> How long a request may take with all its retries, as 250ms; then the caller gets 504. Absent: no limit.",
  );
  const tier = (await kubectl(["explain", "ptier.spec.placement.dedicated"])).replaceAll(/\s+/g, " ");
  expect(tier).toContain("A pool without that taint is refused (PoolNotTainted).");
});

const COLLECTIONS: Readonly<Record<string, string>> = {
  Namespace: "/api/v1/namespaces",
  PriorityClass: "/apis/scheduling.k8s.io/v1/priorityclasses",
  PlatformService: SERVICES,
  PlatformTier: TIERS,
};

function collectionOf(object: Json): string {
  const kind = valueAt(object, "kind");
  const collection = typeof kind === "string" ? COLLECTIONS[kind] : undefined;
  if (collection === undefined) throw new Error(`no collection for ${JSON.stringify(object)}`);
  return collection;
}

/** A dry run makes no Namespace, so the samples are tried in one that is there. */
function namespaceThatExists(object: Json): Changes {
  return valueAt(object, "metadata.namespace") === undefined ? {} : { "metadata.namespace": NAMESPACE };
}

/** Only what JSON can say. */
function plain(value: unknown): Json {
  const copy: Json = JSON.parse(JSON.stringify(value));
  return copy;
}
