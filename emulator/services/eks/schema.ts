import * as client from "@aws-sdk/client-eks";
import { AwsFault } from "../../errors.ts";
import { readServiceSchema } from "../../models/schema.ts";

export const EKS_SCHEMA = readServiceSchema(client);

/** An error of EKS by its class in the model, as ResourceInUseException; its code and status come from there. */
export function eksFault(name: string, message: string): AwsFault {
  const shape = EKS_SCHEMA.errors.get(name);
  if (shape === undefined) throw new Error(`EKS has no error ${name}`);
  return new AwsFault(shape.code, shape.status, message);
}
