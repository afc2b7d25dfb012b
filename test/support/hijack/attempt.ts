import { expect } from "vitest";
import { EmulatorAdmin } from "../../../emulator/admin-client.ts";
import { isReady } from "../../../src/cli/service-watch.ts";
import type { StepCondition } from "../../../src/crds/conditions.ts";
import { API_VERSION, keyString, type ObjectKey } from "../../../src/crds/meta.ts";
import { apiClient, type ApiClient } from "../api-client.ts";
import { provokePass } from "../operator-writes.ts";
import { serviceOf, type Platform } from "../platform.ts";
import { messageOf } from "../service-view.ts";
import { allOf, holdingsOf, type Victim } from "./holdings.ts";

/** What a hijack is made of: somebody, what he does, what he is told, and whose state is as before. */

export interface Attempt {
  readonly attempt: string;
  /** The service by which it is tried; told of a service that is there already, it is not deleted. */
  readonly by: ObjectKey;
  /** What is there before he comes. */
  readonly given?: () => Promise<unknown>;
  /** What he writes, over the least that a squad writes. */
  readonly spec?: object;
  /** In place of applying `spec`. */
  readonly does?: () => Promise<unknown>;
  /** What others do for his service meanwhile, as for any. */
  readonly meanwhile?: () => Promise<unknown>;
  readonly told: Told | Refused;
  readonly victim: Victim;
  /** A service that stays Ready. */
  readonly unharmed?: ObjectKey;
  /** What has to be put right, so that the next attempt finds the world as it was. */
  readonly undo?: () => Promise<unknown>;
  /** He does not go: his service is the victim's own, or is used by a later row. */
  readonly stays?: boolean;
}

/** By a condition of `by`. */
export interface Told {
  readonly condition: StepCondition | "Ready";
  readonly verdict: string;
  /** Each is part of the message; what to do is among them. */
  readonly words: readonly string[];
}

/** By the API server, or by AWS: what he does fails, with these words. */
export interface Refused {
  readonly refused: readonly string[];
}

export interface Court {
  /** Tries it, and holds the world against the one before: after the pass that tells him, after another one, and after his service is gone. */
  hold(attempt: Attempt): Promise<"held">;
  readonly count: { tried: number; held: number };
  close(): Promise<void>;
}

export function court(platform: Platform): Court {
  const api = apiClient(platform.info);
  const aws = new EmulatorAdmin(platform.info.awsEndpoint);
  const count = { tried: 0, held: 0 };
  return {
    count,
    async hold(attempt) {
      count.tried++;
      await tryIt({ platform, api, aws }, attempt);
      count.held++;
      return "held";
    },
    close: () => api.close(),
  };
}

interface Bench {
  readonly platform: Platform;
  readonly api: ApiClient;
  readonly aws: EmulatorAdmin;
}

async function tryIt(bench: Bench, attempt: Attempt): Promise<void> {
  const { platform } = bench;
  const { by, told, victim, unharmed } = attempt;
  await attempt.given?.();
  const holdings = (): Promise<Readonly<Record<string, unknown>>> => holdingsOf(bench, victim);
  const before = await holdings();
  expect(before, "the victim has something to lose").not.toEqual({});

  const trying = attempt.does ?? (() => create(bench, by, attempt.spec));
  if ("refused" in told) {
    const refusal = await refusalOf(trying());
    for (const words of told.refused) expect(refusal).toContain(words);
  } else {
    await trying();
    await attempt.meanwhile?.();
    const [status = "", reason] = told.verdict.split(" ");
    const service = await platform.untilCondition(by, told.condition, status, reason);
    for (const words of told.words) expect(messageOf(service, told.condition)).toContain(words);
    expect(await holdings(), "after the pass that tells him").toEqual(before);
    await provokePass(platform, by);
    const again = await platform.untilCondition(by, told.condition, status, reason);
    expect(messageOf(again, told.condition), "the same from pass to pass").toBe(messageOf(service, told.condition));
  }
  expect(await holdings(), "after another pass").toEqual(before);
  if (unharmed) expect(isReady(platform.watch.get(unharmed)), `${keyString(unharmed)} is Ready`).toBe(true);

  if (!("refused" in told) && attempt.stays !== true) {
    await bench.api.send("DELETE", `${pathOf(by)}/${by.name}`);
    await platform.untilGone(by);
    expect(await holdings(), "after his service is gone").toEqual(before);
    const roles = { ...allOf(by), namespaces: [] };
    const left = Object.keys(await holdingsOf(bench, roles)).filter((what) => what.startsWith("aws/Role ") && !(what in before));
    expect(left, "he keeps no role").toEqual([]);
  }
  await attempt.undo?.();
}

async function create({ api }: Bench, by: ObjectKey, spec?: object): Promise<void> {
  const { code, body } = await api.send("POST", pathOf(by), serviceOf(by, spec));
  if (code !== 201) throw new Error(`${keyString(by)}: ${String(code)} ${JSON.stringify(body)}`);
}

function pathOf({ namespace }: ObjectKey): string {
  return `/apis/${API_VERSION}/namespaces/${namespace}/platformservices`;
}

async function refusalOf(trying: Promise<unknown>): Promise<string> {
  try {
    await trying;
    return "not refused";
  } catch (error) {
    return String(error);
  }
}
