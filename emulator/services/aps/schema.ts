import * as client from "@aws-sdk/client-amp";
import { AwsFault } from "../../errors.ts";
import { readServiceSchema } from "../../models/schema.ts";

export const APS_SCHEMA = readServiceSchema(client);

/** An error of Amazon Managed Service for Prometheus by its class in the model, as ConflictException; its code and status come from there. */
export function apsFault(name: string, message: string): AwsFault {
  const shape = APS_SCHEMA.errors.get(name);
  if (shape === undefined) throw new Error(`Amazon Managed Service for Prometheus has no error ${name}`);
  return new AwsFault(shape.code, shape.status, message);
}
