import { afterEach, expect, test } from "vitest";
import { whyNoImage } from "../../support/image/machine.ts";
import { pathWith, removePaths } from "../../support/path-with.ts";

/** When the project `image` is not run, and why. */

afterEach(removePaths);

const ALL = { docker: "", dockerd: "", mmdebstrap: "", unshare: "" };

test.each([
  [
    "programs are missing",
    { uid: 0, programs: { docker: "", unshare: "" } },
    "there is no dockerd, no mmdebstrap on this machine: as root, apt-get install docker.io mmdebstrap",
  ],
  ["it is not root's", { uid: 1000, programs: ALL }, "a daemon of its own needs root: run it as root"],
  [
    "root may not do what root may",
    { uid: 0, programs: { ...ALL, unshare: "echo unshare failed: Operation not permitted >&2; exit 1" } },
    "root may make no namespaces here (unshare failed: Operation not permitted): run it on a machine, or in a container, that lets it",
  ],
  ["nothing is missing", { uid: 0, programs: ALL }, undefined],
])("where %s", (_, { uid, programs }, why) => {
  expect(whyNoImage({ uid, path: pathWith(programs) })).toBe(why);
});
