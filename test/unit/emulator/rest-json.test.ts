import { expect, test } from "vitest";
import type { ServiceSchema } from "../../../emulator/models/schema.ts";
import { restJsonProtocol } from "../../../emulator/protocols/rest-json.ts";
import { APPMESH_SCHEMA } from "../../../emulator/services/appmesh/schema.ts";
import { EKS_SCHEMA } from "../../../emulator/services/eks/schema.ts";
import { AwsFault } from "../../../emulator/errors.ts";

const protocol = restJsonProtocol({ invalid: "BadRequestException", throttling: { code: "TooManyRequestsException", status: 429 } });

function request(method: string, url: string, body = ""): Parameters<typeof protocol.read>[0] {
  const { pathname: path, searchParams: query } = new URL(url, "http://127.0.0.1");
  return { method, path, query, headers: {}, body };
}

function read(schema: ServiceSchema, method: string, url: string, body?: string): unknown {
  const asked = request(method, url, body);
  const operation = protocol.operation(asked, schema);
  return [operation, protocol.read(asked, operation, schema)];
}

test.each<[string, ServiceSchema, Parameters<typeof request>, unknown]>([
  [
    "path, query and body are one input",
    APPMESH_SCHEMA,
    ["PUT", "/v20190125/meshes/a%2Fb/virtualNodes?meshOwner=1", '{"virtualNodeName":"n","spec":{}}'],
    ["CreateVirtualNode", { virtualNodeName: "n", meshName: "a/b", spec: {}, meshOwner: "1" }],
  ],
  [
    "numbers of a query are numbers",
    APPMESH_SCHEMA,
    ["GET", "/v20190125/meshes?limit=7&nextToken=x"],
    ["ListMeshes", { nextToken: "x", limit: 7 }],
  ],
  [
    "a list of a query is one that comes several times",
    EKS_SCHEMA,
    ["DELETE", "/tags/arn%3Aaws%3Aeks?tagKeys=a&tagKeys=b"],
    ["UntagResource", { resourceArn: "arn:aws:eks", tagKeys: ["a", "b"] }],
  ],
  [
    "members that the model does not have are dropped",
    EKS_SCHEMA,
    ["POST", "/clusters/c/pod-identity-associations", '{"namespace":"n","surprise":1}'],
    ["CreatePodIdentityAssociation", { clusterName: "c", namespace: "n" }],
  ],
])("%s", (_, schema, [method, url, body], expected) => {
  expect(read(schema, method, url, body)).toEqual(expected);
});

test.each<[string, Parameters<typeof request>, string]>([
  ["a path of no operation", ["GET", "/nothing"], "UnknownOperationException"],
  ["a method of no operation", ["PATCH", "/clusters"], "UnknownOperationException"],
  ["a path with an empty parameter", ["GET", "/clusters//pod-identity-associations"], "UnknownOperationException"],
  ["a body that is no JSON", ["POST", "/clusters/c/pod-identity-associations", "{"], "SerializationException"],
  ["a member of another type", ["POST", "/clusters/c/pod-identity-associations", '{"namespace":1}'], "SerializationException"],
  ["a number that is none", ["GET", "/clusters?maxResults=many"], "SerializationException"],
  ["a path that is not percent-encoded", ["GET", "/clusters/%E0%A4%A"], "SerializationException"],
])("refuses %s", (_, [method, url, body], code) => {
  expect(() => read(EKS_SCHEMA, method, url, body)).toThrow(expect.objectContaining({ code }));
});

test("an output with a payload is that payload alone; times are epoch seconds", () => {
  const output = APPMESH_SCHEMA.operations.get("DescribeMesh")?.output;
  if (output === undefined) throw new Error("App Mesh has no DescribeMesh");
  const mesh = { meshName: "m", metadata: { createdAt: new Date(1_500) }, status: { status: "ACTIVE" } };
  const text = protocol.write({ operation: "DescribeMesh", requestId: "1" }, output, { mesh });
  expect(JSON.parse(text)).toEqual({ meshName: "m", metadata: { createdAt: 1.5 }, status: { status: "ACTIVE" } });
});

test("an error's class is in a header, and throttling is the service's own", () => {
  const fault = protocol.onWire(new AwsFault("Throttling", 400, "Rate exceeded"));
  expect([fault.code, fault.status]).toEqual(["TooManyRequestsException", 429]);
  expect(protocol.writeError(fault, "1")).toEqual({
    body: '{"message":"Rate exceeded"}',
    headers: { "x-amzn-errortype": "TooManyRequestsException" },
  });
});
