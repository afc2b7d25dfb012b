import * as client from "@aws-sdk/client-app-mesh";
import { AwsFault } from "../../errors.ts";
import { readServiceSchema } from "../../models/schema.ts";

export const APPMESH_SCHEMA = readServiceSchema(client);

/** An error of App Mesh by its class in the model, as ResourceInUseException; its code and status come from there. */
export function appMeshFault(name: string, message: string): AwsFault {
  const shape = APPMESH_SCHEMA.errors.get(name);
  if (shape === undefined) throw new Error(`App Mesh has no error ${name}`);
  return new AwsFault(shape.code, shape.status, message);
}
