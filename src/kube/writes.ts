import type { LiveObject } from "./objects.ts";
import type { ResourceType } from "./kinds.ts";
import type { Transport } from "./transport.ts";

type Written = Pick<LiveObject, "metadata"> & { readonly status?: unknown };

/** Makes the object's status `status`, if it has not changed since it was read (else KubeError `conflict`). Undefined: nothing differs, nothing was sent. */
export declare function writeStatus(
  transport: Transport,
  resource: ResourceType,
  object: Written,
  status: object,
): Promise<LiveObject | undefined>;

/** Sets the object's finalizers, if it has not changed since it was read (else KubeError `conflict`). */
export declare function writeFinalizers(
  transport: Transport,
  resource: ResourceType,
  object: Written,
  finalizers: readonly string[],
): Promise<LiveObject>;
