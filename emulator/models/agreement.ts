import * as aps from "@aws-sdk/client-amp";
import * as appmesh from "@aws-sdk/client-app-mesh";
import * as ecr from "@aws-sdk/client-ecr";
import * as eks from "@aws-sdk/client-eks";
import * as iam from "@aws-sdk/client-iam";
import * as sts from "@aws-sdk/client-sts";
import { loadConstraints } from "./constraints.ts";
import { readServiceSchema } from "./schema.ts";

/** Where botocore's table and the SDK's schemas differ on which members a request has and must have; empty when they agree. */
export function disagreementsWithSdk(): string[] {
  const problems: string[] = [];
  for (const [service, client] of Object.entries({ appmesh, aps, ecr, eks, iam, sts })) {
    const constraints = loadConstraints(service);
    for (const [operation, { input }] of readServiceSchema(client).operations) {
      if (input.kind !== "structure") continue;
      const shape = constraints.shapes[constraints.operations[operation] ?? ""];
      for (const [name, member] of input.members) {
        const known = shape?.members?.[name] !== undefined;
        if (!known) problems.push(`${service}:${operation}: botocore ${shape === undefined ? "has no such request" : `lacks ${name}`}`);
        else if (member.required !== (shape.required?.includes(name) ?? false))
          problems.push(`${service}:${operation}: they differ on whether ${name} is required`);
      }
    }
  }
  return problems;
}
