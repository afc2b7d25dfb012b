import * as client from "@aws-sdk/client-sts";
import { AwsFault } from "../../errors.ts";
import { readServiceSchema } from "../../models/schema.ts";

export const STS_SCHEMA = readServiceSchema(client);

/** An error of STS by its class in the model, as IDPRejectedClaimException; its code and status come from there. */
export function stsFault(name: string, message: string): AwsFault {
  const shape = STS_SCHEMA.errors.get(name);
  if (shape === undefined) throw new Error(`STS has no error ${name}`);
  return new AwsFault(shape.code, shape.status, message);
}
