import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EffectiveService } from "../../../src/crds/effective.ts";
import { canonicalJson } from "../../../src/crds/canonical.ts";
import { LABELS } from "../../../src/crds/meta.ts";
import { allChildren } from "../../support/children.ts";
import { shippedTier, testConfig, testService } from "../../support/effective-services.ts";

/** What holds of every child of every service. A builder that mutates its input throws here: services are frozen. */

const label = fc.stringMatching(/^[a-z]([-a-z0-9]{0,20}[a-z0-9])?$/);
const longLabel = fc.stringMatching(/^[a-z][a-z0-9]{61}[a-z0-9]$/);
const port = fc.integer({ min: 1, max: 14_999 });
const namespace = fc.constantFrom("", "dispatch", "booking");
const host = fc.tuple(label, label).map(([a, b]) => `${a}.${b}.example.com`);
const cidr = fc.integer({ min: 0, max: 255 }).map((n) => `100.${n}.0.0/16`);
const duration = fc.constantFrom("250ms", "10s", "1h30m");

/** A list in which each key occurs once. */
function keyed<T>(item: fc.Arbitrary<T>, key: (one: T) => string) {
  return fc.uniqueArray(item, { maxLength: 6, selector: key });
}

function optional<T extends Record<string, fc.Arbitrary<unknown>>>(shape: T) {
  return fc.record(shape, { requiredKeys: [] });
}

const references = keyed(fc.record({ name: label, namespace }), ({ name, namespace: ns }) => `${ns}/${name}`);

const dependencies = optional({
  services: references,
  kubernetesServices: keyed(fc.record({ name: label, namespace, port }), (one) => `${one.namespace}/${one.name}:${one.port}`),
  hosts: keyed(fc.record({ host, port }), (one) => `${one.host}:${one.port}`),
  cidrs: keyed(fc.record({ cidr, port }), (one) => `${one.cidr}:${one.port}`),
});

const container = optional({
  command: fc.array(fc.string({ maxLength: 8 }), { maxLength: 3 }),
  args: fc.array(fc.string({ maxLength: 8 }), { maxLength: 3 }),
  env: keyed(fc.record({ name: fc.stringMatching(/^[A-Z_]{1,8}$/), value: fc.string({ maxLength: 8 }) }), ({ name }) => name),
  runAsUser: fc.integer({ min: 1, max: 70_000 }),
  resources: optional({ limits: optional({ cpu: fc.constantFrom("1", "250m"), memory: fc.constantFrom("64Mi", "1.5Gi") }) }),
  probes: optional({ liveness: fc.record({ path: fc.constant("/live"), port }) }),
  metrics: fc.record({ port: fc.constant(14_999) }),
  writablePaths: fc.uniqueArray(
    label.map((name) => `/${name}`),
    { maxLength: 4 },
  ),
});

const resilience = optional({
  connectionPool: optional({ maxConnections: port, maxPendingRequests: port, maxRequests: port }),
  outlierDetection: fc.record({
    consecutiveErrors: port.map((n) => Math.min(n, 1000)),
    interval: duration,
    baseEjectionTime: duration,
    maxEjectionPercent: fc.integer({ min: 1, max: 100 }),
  }),
  retryBudgetPercent: fc.integer({ min: 1, max: 100 }),
});

const routes = keyed(
  fc.record(
    {
      name: label,
      match: fc.record({ methods: fc.uniqueArray(fc.constantFrom("GET", "POST", "PUT"), { minLength: 1 }) }),
      timeout: duration,
      retries: fc.record({ attempts: fc.integer({ min: 0, max: 3 }), perTryTimeout: duration }),
    },
    { requiredKeys: ["name"] },
  ),
  ({ name }) => name,
);

const withoutPort = optional({
  container,
  dependencies,
  aws: fc.constant({ policy: { statements: [{ sid: "A", actions: ["s3:GetObject"], resources: ["*"] }] } }),
});
const withPort = fc
  .tuple(
    withoutPort,
    fc.record({ port: port.filter((n) => n !== 14_999), protocol: fc.constantFrom("http", "http2", "grpc", "tcp") }),
    optional({ resilience, routes, callers: optional({ services: references, serviceAccounts: references }) }),
  )
  .map((blocks): Record<string, unknown> => Object.assign({}, ...blocks));

interface Input {
  readonly name: string;
  readonly spec: Record<string, unknown>;
  readonly tier: string;
  readonly mesh: string;
}

const inputs: fc.Arbitrary<Input> = fc.record({
  name: fc.oneof(label, longLabel),
  spec: fc.oneof(withoutPort, withPort),
  tier: fc.constantFrom("tier-1", "tier-2", "tier-3", "pci"),
  mesh: fc.constantFrom("Istio", "None"),
});

const TIERS = new Map(["tier-1", "tier-2", "tier-3", "pci"].map((name) => [name, shippedTier(name)]));
const CONFIGS = new Map(["Istio", "None"].map((mesh) => [mesh, testConfig({ mesh: { default: mesh } })]));

function childrenOf({ name, spec, tier, mesh }: Input) {
  const config = CONFIGS.get(mesh) ?? testConfig();
  const service: EffectiveService = testService({ name, spec, config, tier: TIERS.get(tier) ?? shippedTier(tier) });
  return allChildren(service, config);
}

/** Every member of every object, with where it is. */
function* members(value: unknown, path: string): Generator<readonly [path: string, value: unknown]> {
  yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value)) yield* members(member, `${path}.${key}`);
}

describe("every child of every service", () => {
  test("is the same each time", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        expect(canonicalJson(childrenOf(input))).toBe(canonicalJson(childrenOf(input)));
      }),
    );
  });

  test("has no member that is undefined, null, or an empty list", () => {
    const empty = (value: unknown) => value === undefined || value === null || (Array.isArray(value) && value.length === 0);
    fc.assert(
      fc.property(inputs, (input) => {
        for (const child of childrenOf(input)) {
          const bad = [...members(child, child.kind)].filter(([, value]) => empty(value)).map(([path]) => path);
          expect(bad).toEqual([]);
        }
      }),
    );
  });

  test("has a name and labels that the API server takes, and the labels that make it findable", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        for (const { metadata } of childrenOf(input)) {
          expect(metadata.name).toMatch(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/);
          expect(metadata.namespace).toBe("dispatch");
          expect(metadata.labels).toMatchObject({
            [LABELS.service]: input.name,
            [LABELS.managedBy]: "platform-operator",
            [LABELS.tier]: input.tier,
          });
          for (const value of Object.values(metadata.labels ?? {}))
            expect(value).toMatch(/^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/);
        }
      }),
    );
  });

  test("is the only one of its kind and name", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const names = childrenOf(input).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
        expect(new Set(names).size).toBe(names.length);
      }),
    );
  });

  test("has a name of its own beside the children of any other service of the namespace", () => {
    const ofName = (name: string, spec: Input["spec"]) =>
      childrenOf({ name, spec, tier: "tier-2", mesh: "Istio" }).map(({ kind, metadata }) => `${kind} ${metadata.name}`);
    fc.assert(
      fc.property(label, fc.constantFrom("dns", "mesh", "callers", "default-deny", "aws", "b"), withPort, (name, suffix, spec) => {
        const others = new Set(ofName(`${name}-${suffix}`, spec));
        expect(ofName(name, spec).filter((one) => others.has(one))).toEqual([]);
      }),
    );
  });

  test("does not change with the order in which a squad writes what has no order", () => {
    const reverse = (value: unknown): unknown => (Array.isArray(value) ? value.toReversed() : value);
    const reversed = (block: unknown) => block && Object.fromEntries(Object.entries(block).map(([key, value]) => [key, reverse(value)]));
    fc.assert(
      fc.property(inputs, (input) => {
        const { callers, dependencies: written } = input.spec;
        const spec = {
          ...input.spec,
          ...(callers !== undefined && { callers: reversed(callers) }),
          ...(written !== undefined && { dependencies: reversed(written) }),
        };
        expect(canonicalJson(childrenOf({ ...input, spec }))).toBe(canonicalJson(childrenOf(input)));
      }),
    );
  });

  test("never opens a rule to everybody, and never all of a namespace's pods but where it says so", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        for (const { kind, spec } of childrenOf(input)) {
          if (kind !== "NetworkPolicy") continue;
          const rules = [...members(spec, "spec")].filter(([path]) => /\.(ingress|egress)\.[0-9]+$/.test(path)).map(([, rule]) => rule);
          for (const rule of rules) {
            expect(Object.keys(Object(rule)).toSorted()).toEqual(expect.arrayContaining(["ports"]));
            expect(Object.keys(Object(rule))).toHaveLength(2);
          }
          const selectors = [...members(spec, "spec")]
            .filter(([path]) => path.endsWith("podSelector.matchLabels"))
            .map(([, labels]) => labels);
          for (const labels of selectors) expect(Object.keys(Object(labels))).not.toHaveLength(0);
        }
      }),
    );
  });
});
