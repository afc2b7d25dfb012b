import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { ADMIN_KEY } from "../../src/cli/keys.ts";
import { isWrite } from "../support/api-call.ts";
import { startApiProxy, type ApiProxy } from "../support/api-proxy.ts";
import { liveUnderKills, type Assassin } from "../support/assassin.ts";
import { auditEvents, READS, type AuditEvent } from "../support/audit-log.ts";
import { apply, ready, untilReady } from "../support/bench-services.ts";
import { FaultLives } from "../support/fault-lives.ts";
import { jump, jumpingClock } from "../support/jumping-clock.ts";
import { isAccepted, receivedAt, termsOf, type Term } from "../support/lease-terms.ts";
import { live, type LivesResult } from "../support/lives.ts";
import { expectMadeOnce } from "../support/made-once.ts";
import { LEASE_MS, RETRY_MS, startReplicaBench, type Replica, type ReplicaBench } from "../support/replica-bench.ts";
import { seededRandom } from "../../emulator/seeded-random.ts";
import { tally } from "../support/tally.ts";
import { SEED } from "../support/thoroughness.ts";

/**
 * Two replicas with client-go's own times. Whatever becomes of the one that leads, in mid-pass: the other goes on, nothing is made twice, and the former leader
 * changes nothing from the moment on at which the other has begun.
 */

const DEATHS = 10;
/** More than deaths: two moments may come at once, and in a hand-over of a lease's time many do. */
const MOMENTS = 20;
const LIVES = 6;
const STOPPED_MS = 30_000;
const HOUR_MS = 3_600_000;
/** From the true time, one after another, and back to it; AWS takes a signature that is off by five minutes at most. */
const JUMPS_MS = [HOUR_MS, -2 * HOUR_MS, 72 * HOUR_MS, 4 * 60_000, -72 * HOUR_MS, 0];
const WRITES_A_JUMP = 12;
/** How late two busy cores may be. */
const SLACK_MS = 4_000;
const random = seededRandom(SEED);

let bench: ReplicaBench;
let lives: FaultLives;
let assassin: Assassin | undefined;

beforeAll(async () => {
  bench = await startReplicaBench({
    onAwsCall({ service, operation, body, accessKeyId }) {
      if (accessKeyId !== ADMIN_KEY) assassin?.saw("aws", `${service}:${operation}`, (namespace) => body.includes(namespace));
    },
  });
  lives = await FaultLives.record(bench, ["life", "mesh"]);
});

beforeEach(async () => {
  await bench.startOperator();
});

afterAll(() => bench.stop());

test("killed in mid-pass ten times: the same end, each object in AWS made once, and another leads within the lease's time", async () => {
  const moments = lives.moments(MOMENTS, random);
  const before = (await terms()).length;
  const arm = (plan: Assassin | undefined): void => {
    assassin = plan;
  };
  const { deaths, problems } = await liveUnderKills({ bench, lives }, { what: "kills of the leader", moments, arm });
  expect(problems).toEqual({});
  expect(deaths).toBeGreaterThanOrEqual(DEATHS);
  await expectMadeOnce(bench, [...moments.keys()]);

  const handOvers = (await terms()).slice(before).map((term) => term.vacantMs ?? 0);
  console.log(`from a leader's last renewal to the next one's first, in ms: ${handOvers.join(", ")}`);
  expect(handOvers.length).toBeGreaterThanOrEqual(DEATHS);
  expect(Math.max(...handOvers)).toBeLessThanOrEqual(LEASE_MS + 1.2 * RETRY_MS + SLACK_MS);
});

test("stopped for 30 s in mid-pass and continued: it changes nothing after the next has begun, and ends", async () => {
  const { old, next, result, namespaces } = await interrupted(async ({ process: { pid } }) => {
    process.kill(pid, "SIGSTOP");
    const stoppedAt = performance.now();
    const successor = await bench.untilLed();
    await new Promise((resolve) => void setTimeout(resolve, STOPPED_MS - (performance.now() - stoppedAt)));
    process.kill(pid, "SIGCONT");
    return successor;
  });
  expect(await old.process.ended).toBe("code 3");
  expect(await readFile(old.process.logFile, "utf8")).toContain("the lease is lost: it was not renewed for 10 s");
  await expectSilence(old, next);
  expect(lives.problems(named(namespaces, "the leader was stopped"), result)).toEqual({});
  await expectMadeOnce(bench, namespaces);
});

test("told to end in mid-pass: it finishes what is under way, hands over at once, and ends well", async () => {
  const { old, next, result, namespaces } = await interrupted(async ({ process: leader }) => {
    await leader.stop();
    return bench.untilLed();
  });
  expect(await old.process.ended).toBe("code 0");
  expect(await readFile(old.process.logFile, "utf8")).not.toContain('"level":"error"');
  const term = (await terms()).find(({ identity }) => identity === next.identity);
  expect(term?.vacantMs).toBeLessThanOrEqual(1.2 * RETRY_MS + SLACK_MS);
  await expectSilence(old, next);
  expect(lives.problems(named(namespaces, "the leader was told to end"), result)).toEqual({});
});

test("cut off from the API server, though not from AWS: it changes nothing more and ends, and the other goes on", async () => {
  const proxy = await leadBehindProxy();
  const { old, next, result, namespaces } = await interrupted(
    async () => {
      cutOff(proxy);
      const { process: leader } = bench.leader;
      expect(await leader.ended).toBe("code 3");
      return bench.untilLed();
    },
    (listener) => proxy.onCall(listener),
  );
  await expectSilence(old, next);
  expect(lives.problems(named(namespaces, "the leader was cut off"), result)).toEqual({});
  await proxy.close();
});

test("writes that are held on their way until another leads, and come late: an older Deployment is refused, an older Service is put right", async () => {
  const late = LATE.map((one) => ({ ...one, namespace: `late-${one.resource}`, name: "api" }));
  for (const key of late) await ready(bench, key);
  const proxy = await leadBehindProxy();
  const { leader: old } = bench;
  const held = late.map(({ resource, namespace }) =>
    proxy.inject({
      match: (call) => call.verb === "patch" && call.resource === resource && call.namespace === namespace,
      position: 1,
      fault: { kind: "slow", ms: HELD_MS },
    }),
  );
  for (const key of late) await apply(bench, key, { port: 9090 });
  await vi.waitFor(() => expect(held.map(({ applied }) => applied)).toEqual([1, 1]), { timeout: SOON_MS });
  cutOff(proxy);
  expect(await old.process.ended).toBe("code 3");
  const next = await bench.untilLed();
  for (const key of late) {
    await apply(bench, key, { port: 9191 });
    await untilReady(bench, key);
  }
  const begun = await begunAt(next);
  const answered = await vi.waitFor(
    async () => {
      const events = await auditEvents(plane(), (e) => !READS.has(e.verb) && isOf(e, old) && receivedAt(e) > begun);
      expect(events).toHaveLength(late.length);
      return new Map(events.map(({ objectRef, responseStatus }) => [objectRef?.resource, responseStatus?.code]));
    },
    { timeout: HELD_MS + SLACK_MS, interval: 500 },
  );
  expect(answered).toEqual(new Map(late.map(({ resource, code }) => [resource, code])));
  for (const { namespace, resource, name, port } of late) {
    const found = (): Promise<string> => bench.plane.kubectl(["get", resource, name, "-n", namespace, "-o", `jsonpath=${port}`]);
    await vi.waitFor(async () => expect(await found()).toBe("9191"), { timeout: SOON_MS, interval: 200 });
    await untilReady(bench, { namespace, name });
  }
  tally({ what: "writes of a former leader that come late", tried: late.length, held: late.length });
  await proxy.close();
});

test("clocks that jump in mid-pass, by hours and by days, ahead and back: the leader leads on, and nothing is made twice", async () => {
  await Promise.all(bench.replicas.map((replica) => replica.process.stop()));
  await bench.startOperator({ env: jumpingClock(bench.plane.dir) });
  const { leader, standby } = bench;
  const before = (await terms()).length;
  const namespaces = livesOfBothKinds();
  const jumps = [...JUMPS_MS];
  let writes = 0;
  let jumping = Promise.resolve();
  const jumpOn = async (): Promise<void> => {
    const offset = jumps.shift() ?? 0;
    await jump(bench.plane.dir, leader.process.pid, offset);
    await jump(bench.plane.dir, standby.process.pid, -offset);
  };
  const stop = bench.proxy.onCall((call) => {
    if (isWrite(call) && namespaces.includes(call.namespace) && ++writes % WRITES_A_JUMP === 0) jumping = jumping.then(jumpOn);
  });
  const living = live(bench, namespaces);
  await vi.waitFor(() => expect(writes).toBeGreaterThan(WRITES_A_JUMP * JUMPS_MS.length), { timeout: LEASE_MS + SLACK_MS });
  stop();
  await jumping;
  expect(jumps).toEqual([]);
  expect(await terms()).toHaveLength(before);
  expect(await bench.untilLed()).toBe(leader);
  expect(lives.problems(named(namespaces, "clocks jumped"), await living)).toEqual({});
  await expectMadeOnce(bench, namespaces);
});

/** From the lease's end until another leads, and until it has done what is asked for then. */
const HELD_MS = 60_000;
const SOON_MS = 30_000;

/** Patches that say how old what they would change is, and such as do not: the answer to a late one, and where its port is. */
const LATE = [
  { resource: "deployments", code: 409, port: "{.spec.template.spec.containers[0].ports[0].containerPort}" },
  { resource: "services", code: 200, port: "{.spec.ports[0].port}" },
] as const;

/** Has one lead that reaches the API server through a proxy of its own. */
async function leadBehindProxy(): Promise<ApiProxy> {
  const proxy = await startApiProxy(bench.plane);
  await bench.standby.process.stop();
  await bench.startOperator({ apiUrl: proxy.url });
  await bench.operator.stop();
  await bench.untilLed();
  await bench.startOperator();
  return proxy;
}

function cutOff(proxy: ApiProxy): void {
  proxy.inject({ match: () => true, position: 1, times: Number.POSITIVE_INFINITY, fault: { kind: "cut" } });
  proxy.cutWatches();
}

interface Interrupted {
  readonly old: Replica;
  readonly next: Replica;
  readonly namespaces: readonly string[];
  readonly result: LivesResult;
}

/** Lives are lived; when one of the leader's writes in their midst is seen on its way, `befall` has something become of it and resolves to its successor. */
async function interrupted(
  befall: (leader: Replica) => Promise<Replica>,
  onCall = bench.proxy.onCall.bind(bench.proxy),
): Promise<Interrupted> {
  const namespaces = livesOfBothKinds();
  const moment = LIVES * (5 + Math.floor(random() * 15));
  let writes = 0;
  const fate = new Promise<Interrupted["old"]>((resolve) => {
    const stop = onCall((call) => {
      if (!isWrite(call) || !namespaces.includes(call.namespace) || ++writes < moment) return;
      stop();
      resolve(bench.leader);
    });
  });
  const living = live(bench, namespaces);
  const old = await fate;
  const next = await befall(old);
  await bench.startOperator();
  return { old, next, namespaces, result: await living };
}

function livesOfBothKinds(): readonly string[] {
  return Array.from({ length: LIVES }, (_, index) => lives.namespace(index % 2 === 0 ? "life" : "mesh"));
}

/** From the moment at which the next leader had the lease, neither the API server nor AWS accepted anything of the old one. */
async function expectSilence(old: Replica, next: Replica): Promise<void> {
  const begun = await begunAt(next);
  const writes = await auditEvents(plane(), (e) => isAccepted(e) && isOf(e, old));
  expect(writes.length).toBeGreaterThan(0);
  expect(writes.filter((e) => receivedAt(e) > begun).map((e) => `${e.requestReceivedTimestamp} ${e.verb} ${e.requestURI}`)).toEqual([]);
  const calls = (await bench.aws.actions()).filter(({ accessKeyId }) => accessKeyId === old.accessKeyId);
  expect(calls.length).toBeGreaterThan(0);
  expect(calls.filter(({ time }) => time > begun).map(({ action, resource }) => `${action} ${resource}`)).toEqual([]);
}

async function begunAt(next: Replica): Promise<number> {
  return (await terms()).find(({ identity }) => identity === next.identity)?.begunAt ?? 0;
}

/** Who led, in order; without the first. */
async function terms(): Promise<readonly Term[]> {
  return (await termsOf(plane())).slice(1);
}

function isOf({ userAgent }: AuditEvent, { identity }: Replica): boolean {
  return identity !== undefined && (userAgent ?? "").includes(identity);
}

function plane(): string {
  return bench.plane.auditLogFile ?? "";
}

function named(namespaces: readonly string[], what: string): ReadonlyMap<string, string> {
  return new Map(namespaces.map((namespace) => [namespace, what]));
}
