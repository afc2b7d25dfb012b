import { describe, expect, test } from "vitest";
import { isNews } from "../../../src/controllers/pod-news.ts";
import type { Pod } from "../../../src/controllers/sources.ts";
import type { PodState } from "../../../src/reconcilers/ports.ts";
import { podState } from "../../support/workload-states.ts";

const pod = (name: string, facts: Partial<PodState> = {}): Pod => ({
  ...podState({ name, images: { app: "a@sha256:1" }, ...facts }),
  key: { namespace: "n", name },
  service: "web",
});

const TROUBLE = { reason: "CrashLoopBackOff", message: "back-off" };

describe("a rollout that replaces like by like is no news:", () => {
  test.each<[string, Pod | undefined, Pod | undefined]>([
    ["one more is made", undefined, pod("new", { ready: false })],
    ["it is ready", pod("new", { ready: false }), pod("new")],
    ["an old one is on its way out", pod("old"), pod("old", { deleting: true })],
    ["an old one is gone", pod("old", { deleting: true }), undefined],
  ])("%s", (_, old, now) => {
    expect(isNews(old, now, [pod("another")])).toBe(false);
  });
});

describe("it is news that", () => {
  test.each<[string, Pod | undefined, Pod | undefined, readonly Pod[]]>([
    ["there is one", undefined, pod("a", { ready: false }), []],
    ["there is none any more", pod("a", { deleting: true }), undefined, []],
    ["the first is ready", pod("a", { ready: false }), pod("a"), [pod("b", { ready: false })]],
    ["the last ready one is not any more", pod("a"), pod("a", { ready: false }), [pod("b", { ready: false })]],
    ["the last that stays does not", pod("a"), pod("a", { deleting: true }), [pod("b", { deleting: true })]],
    ["one runs another image", undefined, pod("a", { images: { app: "a@sha256:2" } }), [pod("b")]],
    ["the last with an image is gone", pod("a", { images: { app: "a@sha256:2" }, deleting: true }), undefined, [pod("b")]],
    ["a node says which image it is", pod("a"), pod("a", { digests: { app: "sha256:1" } }), [pod("b")]],
    ["one is in another mesh", undefined, pod("a", { redirected: true }), [pod("b")]],
    [
      "the first that is ready in another mesh is so",
      pod("a", { redirected: true, ready: false }),
      pod("a", { redirected: true }),
      [pod("b"), pod("c", { redirected: true, ready: false })],
    ],
    ["one runs under another role", undefined, pod("a", { identity: "x" }), [pod("b")]],
    ["one is in trouble", pod("a", { ready: false }), pod("a", { ready: false, trouble: TROUBLE }), [pod("b", { ready: false })]],
    [
      "the trouble is another",
      pod("a", { ready: false, trouble: TROUBLE }),
      pod("a", { ready: false, trouble: { ...TROUBLE, message: "other" } }),
      [pod("b", { ready: false, trouble: TROUBLE })],
    ],
    ["who is in trouble goes", pod("a", { trouble: TROUBLE }), pod("a", { trouble: TROUBLE, deleting: true }), [pod("b")]],
  ])("%s", (_, old, now, others) => {
    expect(isNews(old, now, others)).toBe(true);
  });

  test("no second one in the same trouble is", () => {
    const before = pod("a", { ready: false });
    expect(isNews(before, pod("a", { ready: false, trouble: TROUBLE }), [pod("b", { ready: false, trouble: TROUBLE }), before])).toBe(
      false,
    );
  });
});
