import { isDeepStrictEqual } from "node:util";
import type { Pod } from "./sources.ts";

/**
 * Whether a pass would find something else of a service's pods than before. It asks what there is among them, never how many nor which: a rollout that replaces like by like calls no pass,
 * and of a hundred pods that start alike the first does. Who asks more of them adds it to `says`.
 */
export function isNews(old: Pod | undefined, now: Pod | undefined, others: readonly Pod[]): boolean {
  const before = old === undefined ? [] : says(old);
  const after = now === undefined ? [] : says(now);
  const differing = [...before.filter((one) => !isIn(one, after)), ...after.filter((one) => !isIn(one, before))];
  return differing.some((one) => !others.some((pod) => isIn(one, says(pod))));
}

/** Whatever is true of a pod and may matter: `some pod …`. */
function says({ key: _key, service: _service, name: _name, ...pod }: Pod): readonly object[] {
  const { ready, deleting, trouble, images, digests, probedPorts, ...kind } = pod;
  return [
    { some: "is there", kind, images, digests, probedPorts },
    ...(deleting ? [] : [{ some: "stays", kind }]),
    ...(ready ? [{ some: "is ready", kind }] : []),
    ...(ready && !deleting ? [{ some: "is ready and stays", kind }] : []),
    ...(trouble === undefined || deleting ? [] : [{ some: "is in trouble", trouble }]),
  ];
}

function isIn(statement: object, statements: readonly object[]): boolean {
  return statements.some((one) => isDeepStrictEqual(one, statement));
}
