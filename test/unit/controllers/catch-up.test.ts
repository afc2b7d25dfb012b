import { expect, test } from "vitest";
import { catchUp } from "../../../src/controllers/catch-up.ts";
import { createSources } from "../../../src/controllers/sources.ts";
import { GROUP } from "../../../src/crds/meta.ts";
import { NotServedError } from "../../../src/kube/errors.ts";
import type { LiveObject } from "../../../src/kube/objects.ts";
import type { ObjectList, Transport } from "../../../src/kube/transport.ts";
import { KubeError } from "../../../src/reconcilers/ports.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { silentLog } from "../../support/kube-runtime.ts";
import { UNASKED_TRANSPORT } from "../../support/unasked-transport.ts";

/** A new leader's stores before its first pass, though its watches have said nothing for a while. */

const KEY = { namespace: "shop", name: "cart" };

function service(name: string, resourceVersion: string, tag: string): LiveObject {
  const metadata = { name, namespace: KEY.namespace, uid: name, resourceVersion, generation: 1 };
  return { apiVersion: `${GROUP}/v1alpha1`, kind: "PlatformService", metadata, spec: { tier: "tier-2", image: { tag } } };
}

/** Answers lists alone, of the kind's plural. */
function listing(answer: (plural: string) => ObjectList): Transport {
  return { ...UNASKED_TRANSPORT, list: ({ plural }) => Promise.resolve().then(() => answer(plural)) };
}

function refused(): never {
  throw new KubeError({ class: "server", status: 500, operation: "list", message: "not now" });
}

test("hold what the last leader acted on: newer specs, and no service that is gone; a refused read is made again", async () => {
  const clock = new FakeClock();
  let refusals = 1;
  const transport = listing((plural) => {
    if (plural !== "platformservices") return { items: [], resourceVersion: "9" };
    return refusals-- > 0 ? refused() : { items: [service("cart", "8", "2.0.0")], resourceVersion: "9" };
  });
  const runtime = { transport, clock, random: () => 0, log: silentLog };
  const sources = createSources(runtime);
  for (const name of ["cart", "gone"]) sources.services.store.upsert(service(name, "5", "1.0.0"));

  const retried = clock.scheduled(() => true);
  const caughtUp = catchUp(runtime, sources, new AbortController().signal);
  clock.advance(await retried);
  await caughtUp;
  expect(sources.services.store.list().map(({ metadata, spec }) => `${metadata.name} ${spec.image.tag ?? ""}`)).toEqual(["cart 2.0.0"]);
});

test("wait neither for a kind that is not served, nor once the work is over", async () => {
  const missing = listing(() => {
    throw new NotServedError({ class: "notFound", status: 404, operation: "list", message: "404 page not found" });
  });
  const runtime = { clock: new FakeClock(), random: () => 0, log: silentLog };
  await catchUp({ ...runtime, transport: missing }, createSources({ ...runtime, transport: missing }), new AbortController().signal);

  const failing = listing(refused);
  const over = new AbortController();
  const ended = catchUp({ ...runtime, transport: failing }, createSources({ ...runtime, transport: failing }), over.signal);
  over.abort();
  await ended;
  expect(runtime.clock.timers()).toEqual([]);
});
