import type { Constraint, ServiceConstraints, WholeModel } from "./constraints.ts";
import type { Member, OperationSchema, ServiceSchema, Shape } from "./schema.ts";

/** The schema of a service that has no SDK client here, from botocore's table. Throws when the table has only its requests. */
export function readBotocoreSchema({ operations, shapes, whole }: ServiceConstraints): ServiceSchema {
  if (whole === undefined) throw new Error("constraints.generated.json has only the requests of this service");
  const { outputs, http, errors } = whole;
  const schema = Object.entries(operations).map(([name, input]): [string, OperationSchema] => [
    name,
    {
      input: toShape(shapes, input, placesOf(whole, name)),
      output: toShape(shapes, outputs[name] ?? ""),
      http: http[name],
    },
  ]);
  const faults = Object.entries(errors).map(([code, status]) => [code, { code, status }] as const);
  return { operations: new Map(schema), errors: new Map(faults) };
}

type Places = ReadonlyMap<string, Member["at"]>;

function placesOf({ places }: WholeModel, operation: string): Places {
  return new Map(
    Object.entries(places[operation] ?? {}).map(([member, location]) => {
      if (location !== "uri") throw new Error(`botocore has ${member} of ${operation} in ${location}, which this reader does not know`);
      return [member, { in: "path" }];
    }),
  );
}

function toShape(shapes: Readonly<Record<string, Constraint>>, name: string, places: Places = new Map()): Shape {
  const shape = shapes[name];
  if (shape === undefined) throw new Error(`botocore has no shape ${name}`);
  switch (shape.type) {
    case "structure": {
      const members = Object.entries(shape.members ?? {}).map(([member, type]): [string, Member] => [
        member,
        { shape: () => toShape(shapes, type), required: shape.required?.includes(member) ?? false, at: places.get(member) },
      ]);
      return { kind: "structure", name, union: false, members: new Map(members) };
    }
    case "string":
    case "boolean":
    case "timestamp":
    case "blob":
      return { kind: shape.type };
    case "integer":
    case "long":
      return { kind: "number" };
    case "list":
      return { kind: "list", member: () => toShape(shapes, shape.member ?? "") };
    case "map":
      return { kind: "map", value: () => toShape(shapes, shape.value ?? "") };
    default:
      throw new Error(`botocore's shape ${name} is of a type that this reader does not know`);
  }
}
