import type { PolicyStatement } from "../../crds/desired.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { meshArn } from "../app-mesh/names.ts";
import { allow, namedInRequest, onlyOurTagKeys, render, requestTag, resourceTag } from "./policy-parts.ts";

/**
 * What the operator calls of App Mesh, in the one mesh of the configuration: a policy of its own beside operator-policy.ts, since one managed policy of at most 6,144
 * characters has no room for both.
 */

/** The policy as JSON; undefined where App Mesh is not called. */
export function renderAppMeshPolicy(config: OperatorConfig): string | undefined {
  const statements = appMeshStatements(config);
  return statements.length === 0 ? undefined : render(statements);
}

/** Empty where App Mesh is not called. */
export function appMeshStatements(config: OperatorConfig): readonly PolicyStatement[] {
  const { appMesh } = config.mesh;
  if (appMesh === null || appMesh.retired) return [];
  const mesh = meshArn(config);
  // Nodes, and routers with their routes, by their names; a host says nothing of its cluster. What is written is checked on each object that it names as well.
  const byName = `${mesh}/virtual*/${config.cluster.name}_*`;
  const Resource = [byName, `${mesh}/virtualService/*`];
  return [
    // Reads go as far as telling a foreign object from none.
    allow("ReadMesh", {
      Action: ["appmesh:DescribeMesh", ...onEachKind("Describe"), ...onEachKind("List", "s"), "appmesh:ListTagsForResource"],
      Resource: [mesh, `${mesh}/*`],
    }),
    allow("CreateInMeshWithTags", {
      Action: onEachKind("Create"),
      Resource,
      Condition: { StringEquals: requestTag(config), Null: namedInRequest, ...onlyOurTagKeys },
    }),
    // To create with tags needs it before there are any: hence IfExists. What is another cluster's has one; of what has none, nothing is taken but a Service's name.
    allow("TagInMesh", {
      Action: "appmesh:TagResource",
      Resource: [byName, `${mesh}/virtualService/*.svc.${config.network.clusterDomain}`],
      Condition: { StringEqualsIfExists: { ...resourceTag(config), ...requestTag(config) }, ...onlyOurTagKeys },
    }),
    allow("UntagInMesh", {
      Action: "appmesh:UntagResource",
      Resource,
      Condition: { StringEquals: resourceTag(config), ...onlyOurTagKeys },
    }),
    allow("ChangeInMesh", {
      Action: [...onEachKind("Delete"), ...onEachKind("Update")],
      Resource,
      Condition: { StringEquals: resourceTag(config) },
    }),
  ];
}

function onEachKind(verb: string, plural = ""): readonly string[] {
  return ["Route", "VirtualNode", "VirtualRouter", "VirtualService"].map((kind) => `appmesh:${verb}${kind}${plural}`);
}
