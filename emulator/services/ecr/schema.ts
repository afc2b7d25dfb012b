import * as client from "@aws-sdk/client-ecr";
import { AwsFault } from "../../errors.ts";
import { readServiceSchema } from "../../models/schema.ts";

export const ECR_SCHEMA = readServiceSchema(client);

/** An error of ECR by its class in the model, as RepositoryNotFoundException; its code and status come from there. */
export function ecrFault(name: string, message: string): AwsFault {
  const shape = ECR_SCHEMA.errors.get(name);
  if (shape === undefined) throw new Error(`ECR has no error ${name}`);
  return new AwsFault(shape.code, shape.status, message);
}
