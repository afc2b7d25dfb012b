/** One request to a Kubernetes API server, as its audit log would name it. */
export interface ApiCall {
  readonly verb: "get" | "list" | "watch" | "create" | "patch" | "update" | "delete" | "other";
  /** Empty for the core group. */
  readonly group: string;
  /** With its subresource, as `deployments/scale`; empty for paths that are no resource. */
  readonly resource: string;
  /** Empty across namespaces and for cluster-scoped objects. */
  readonly namespace: string;
  /** Empty for a collection. */
  readonly name: string;
}

/** `target` is a path with its query. */
export function describeApiCall(method: string, target: string): ApiCall {
  const { pathname, searchParams } = new URL(target, "http://api");
  const parts = pathname.split("/").filter((part) => part !== "");
  const root = parts.shift();
  const group = root === "apis" ? (parts.shift() ?? "") : "";
  parts.shift(); // the version
  if (root !== "api" && root !== "apis") return { verb: "other", group: "", resource: "", namespace: "", name: "" };
  const namespace = parts[0] === "namespaces" && parts.length > 2 ? (parts.splice(0, 2)[1] ?? "") : "";
  const [plural = "", name = "", subresource] = parts;
  const verb = searchParams.get("watch") === "true" ? "watch" : verbOf(method, name);
  return { verb, group, resource: subresource === undefined ? plural : `${plural}/${subresource}`, namespace, name };
}

function verbOf(method: string, name: string): ApiCall["verb"] {
  switch (method) {
    case "GET":
      return name === "" ? "list" : "get";
    case "POST":
      return "create";
    case "PATCH":
      return "patch";
    case "PUT":
      return "update";
    case "DELETE":
      return "delete";
    default:
      return "other";
  }
}

/** Whether the call changes something. */
export function isWrite({ verb }: ApiCall): boolean {
  return verb === "create" || verb === "patch" || verb === "update" || verb === "delete";
}

/** The call without what differs between two namespaces: an event's name is a hash. */
export function signatureOf({ verb, group, resource, name }: ApiCall): string {
  const place = group === "" ? resource : `${resource}.${group}`;
  return `${verb} ${place}${name === "" || resource === "events" ? "" : ` ${name}`}`;
}
