import * as client from "@aws-sdk/client-iam";
import { AwsFault } from "../../errors.ts";
import { readServiceSchema } from "../../models/schema.ts";

export const IAM_SCHEMA = readServiceSchema(client);

/** An error of IAM by its class in the model, as NoSuchEntityException; its code and status come from there. */
export function iamFault(name: string, message: string): AwsFault {
  const shape = IAM_SCHEMA.errors.get(name);
  if (shape === undefined) throw new Error(`IAM has no error ${name}`);
  return new AwsFault(shape.code, shape.status, message);
}
