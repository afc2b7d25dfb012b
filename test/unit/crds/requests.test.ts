import { describe, expect, test } from "vitest";
import { ANNOTATIONS } from "../../../src/crds/meta.ts";
import { pauseOf, isAbandoned, reconcileRequestOf, suspensionOf } from "../../../src/crds/requests.ts";

const NOW = Date.parse("2026-11-25T12:00:00Z");

function service(annotations: Readonly<Record<string, string>> = {}, spec: { readonly suspend?: boolean } = {}) {
  return {
    metadata: { name: "s", namespace: "n", uid: "u", resourceVersion: "1", generation: 1, annotations },
    spec: { owner: "squad", tier: "tier-3", image: { deletionPolicy: "Retain" as const }, protocol: "http" as const, ...spec },
  };
}

const pausedUntil = (text: string) => service({ [ANNOTATIONS.pausedUntil]: text });

describe("paused-until", () => {
  test.each([
    ["2026-11-25T12:00:01Z", "2026-11-25T12:00:01Z"],
    ["2026-11-25T18:30:00+05:30", "2026-11-25T13:00:00Z"],
    ["2026-11-25T12:00:00.5Z", "2026-11-25T12:00:00Z"],
    ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"],
  ])("%s suspends until then", (text, end) => {
    expect(pauseOf(pausedUntil(text), NOW)).toEqual({ state: "until", at: Date.parse(text) });
    expect(suspensionOf(pausedUntil(text), NOW)).toEqual({
      reason: "PausedUntil",
      message: `nothing is written until ${end}: remove the annotation platform-operator.dev/paused-until to resume before`,
    });
  });

  test("a time beyond the last that RFC 3339 can say in UTC is that last one", () => {
    expect(pauseOf(pausedUntil("9999-12-31T23:59:59-00:01"), NOW)).toEqual({ state: "until", at: Date.parse("9999-12-31T23:59:59Z") });
  });

  test.each(["2026-11-25T12:00:00Z", "2026-11-25T13:59:00+02:00", "1970-01-01T00:00:00Z"])("%s is over", (text) => {
    expect(suspensionOf(pausedUntil(text), NOW)).toBeUndefined();
  });

  test.each(["", "tomorrow", "2026-11-26", "2026-11-26T18:00", "2026-11-26T18:00:00", "2026-02-30T18:00:00Z", "1764244800", "true"])(
    "%o is no time, so nothing is written, and it is said which field is wrong and what to write",
    (text) => {
      expect(pauseOf(pausedUntil(text), NOW)).toEqual({
        state: "malformed",
        violation: {
          field: "metadata.annotations[platform-operator.dev/paused-until]",
          reason: "InvalidPausedUntil",
          message: `"${text}" is no RFC 3339 time: write one as 2026-11-26T18:00:00Z, or remove the annotation; until then nothing is written`,
        },
      });
      expect(suspensionOf(pausedUntil(text), NOW)?.reason).toBe("InvalidPausedUntil");
    },
  );

  test("a value of any size is quoted in a message of a line", () => {
    const pause = pauseOf(pausedUntil("x".repeat(250_000)), NOW);
    expect(pause.state === "malformed" && pause.violation.message.length).toBeLessThan(250);
  });
});

test("spec.suspend is what suspends where both do: it does not end by itself", () => {
  const both = service({ [ANNOTATIONS.pausedUntil]: "2026-11-25T18:00:00Z" }, { suspend: true });
  expect(suspensionOf(both, NOW)).toEqual({
    reason: "SpecSuspend",
    message: "spec.suspend is true, so nothing is written: set it to false to resume",
  });
  expect(suspensionOf(service({}, { suspend: false }), NOW)).toBeUndefined();
});

test("reconcile-at is what the status can repeat of it: whole characters, at most 256", () => {
  const asked = (text: string) => reconcileRequestOf(service({ [ANNOTATIONS.reconcileAt]: text }));
  expect(reconcileRequestOf(service())).toBeUndefined();
  expect(asked("now")).toBe("now");
  expect(asked("")).toBe("");
  expect(asked("x".repeat(1000))).toBe("x".repeat(256));
  expect(asked(`x${"🚀".repeat(1000)}`)).toBe(`x${"🚀".repeat(127)}\ufffd`);
});

test.each<[string, boolean]>([
  ["iam.aws/Role/r", true],
  ["ecr.aws, iam.aws/Role/r", true],
  ["iam.aws", true],
  ["iam.aws/Role", false],
  ["iam.aws/Role/other", false],
  ["iam", false],
  ["*", false],
  ["", false],
])("abandon names an object by group, kind and name, or its group: %s", (abandon, expected) => {
  const resource = { group: "iam.aws", kind: "Role", name: "r" };
  expect(isAbandoned(service({ [ANNOTATIONS.abandon]: abandon }), resource)).toBe(expected);
  expect(isAbandoned(service(), resource)).toBe(false);
});
