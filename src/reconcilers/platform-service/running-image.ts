import { LONGEST_IMAGE } from "../../crds/service/status.ts";
import type { PodState } from "../ports.ts";
import { DIGEST } from "./kept-images.ts";

/**
 * The image of a workload that a squad brings, by digest, as its ready pods have it. `images`: of its template. Undefined: none runs, they are not of one mind, or the template
 * has several containers, of which nobody says which is the application's.
 */
export function runningImage(images: readonly string[], pods: readonly PodState[]): string | undefined {
  const [image, ...others] = images;
  if (image === undefined || others.length > 0) return undefined;
  const [name = "", written] = image.split("@");
  const digests = pods
    .filter(({ ready, deleting }) => ready && !deleting)
    .flatMap((pod) => Object.entries(pod.images).flatMap(([container, one]) => (one === image ? [written ?? pod.digests[container]] : [])));
  const [digest] = digests;
  // Anybody may write anything into a pod template.
  if (digest === undefined || !DIGEST.test(digest) || digests.some((one) => one !== digest)) return undefined;
  const running = `${name.replace(TAG, "")}@${digest}`;
  return running.length <= LONGEST_IMAGE ? running : undefined;
}

/** Behind the last slash: before it a colon is a port's. */
const TAG = /:[^:/]*$/;
