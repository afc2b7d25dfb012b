import type {
  CreateWorkspaceRequest,
  CreateWorkspaceResponse,
  DeleteWorkspaceRequest,
  DescribeWorkspaceRequest,
  DescribeWorkspaceResponse,
  ListWorkspacesRequest,
  ListWorkspacesResponse,
  WorkspaceStatusCode,
  WorkspaceSummary,
} from "@aws-sdk/client-amp";
import { isRepeated, requestRecord } from "../../idempotency.ts";
import { read, write, type Call, type Operation } from "../../operation.ts";
import type { EmulatorOptions } from "../../options.ts";
import type { WorkspaceRecord } from "../../records.ts";
import type { State } from "../../state.ts";
import { apsFault } from "./schema.ts";
import { apsPage, findWorkspace, isUnderWay, mergeTags, onWorkspace, rulesNamespaces, workspaceArn, workspaces } from "./shared.ts";

/** Those that the options say are there; what a state file already has stays as it is. */
export function foundWorkspaces({ workspaces: ids = [], ...account }: EmulatorOptions, state: State, now: number): void {
  const { workspaces: table } = state.store({ call: 0, now }, { kind: "full" });
  for (const id of ids) {
    if (table.get(id) === undefined)
      table.set(id, { id, arn: workspaceArn(account, id), tags: {}, createdAt: now, doing: "CREATING", since: 0 });
  }
}

function statusCodeOf(workspace: WorkspaceRecord, call: Call): WorkspaceStatusCode {
  return isUnderWay(workspace, call) ? workspace.doing : "ACTIVE";
}

function summarise(workspace: WorkspaceRecord, call: Call): WorkspaceSummary {
  const { id, arn, alias, tags, createdAt, kmsKeyArn } = workspace;
  const statusCode = statusCodeOf(workspace, call);
  return { workspaceId: id, arn, alias, status: { statusCode }, createdAt: new Date(createdAt), tags, kmsKeyArn };
}

function newId(call: Call): string {
  const hex = Buffer.from(call.randomBytes(16)).toString("hex");
  return `ws-${hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")}`;
}

const createWorkspace = write<CreateWorkspaceRequest, CreateWorkspaceResponse>("CreateWorkspace", {
  permissions: ({ tags = {} }) => [{ action: "aps:CreateWorkspace", resource: "*", requestTags: tags }],
  handle(request, call) {
    const madeBy = requestRecord(request, "clientToken");
    const others = workspaces(call).map(([, each]) => each);
    const repeated = others.find((each) => each.madeBy !== undefined && isRepeated(each.madeBy, madeBy));
    if (repeated === undefined && others.length >= call.quotas.workspacesPerRegion)
      throw apsFault("ServiceQuotaExceededException", `The account has ${call.quotas.workspacesPerRegion} workspaces, which is the limit`);
    const id = newId(call);
    const made: WorkspaceRecord = repeated ?? {
      id,
      arn: workspaceArn(call, id),
      alias: request.alias,
      kmsKeyArn: request.kmsKeyArn,
      tags: mergeTags({}, request.tags ?? {}, call),
      createdAt: call.now,
      doing: "CREATING",
      since: call.now,
      madeBy,
    };
    call.store.workspaces.set(made.id, made);
    const { arn, tags, kmsKeyArn } = made;
    return { workspaceId: made.id, arn, status: { statusCode: statusCodeOf(made, call) }, tags, kmsKeyArn };
  },
});

const describeWorkspace = read<DescribeWorkspaceRequest, DescribeWorkspaceResponse>("DescribeWorkspace", {
  permissions: ({ workspaceId }, call) => [onWorkspace("DescribeWorkspace", workspaceId, call)],
  handle({ workspaceId }, call) {
    const prometheusEndpoint = `https://aps-workspaces.${call.region}.amazonaws.com/workspaces/${workspaceId}/`;
    return { workspace: { ...summarise(findWorkspace(workspaceId, call), call), prometheusEndpoint } };
  },
});

const listWorkspaces = read<ListWorkspacesRequest, ListWorkspacesResponse>("ListWorkspaces", {
  permissions: () => [{ action: "aps:ListWorkspaces", resource: "*" }],
  handle(request, call) {
    const { alias: wanted } = request;
    const found = workspaces(call).filter(([, { alias = "" }]) => wanted === undefined || alias.startsWith(wanted));
    const { items, nextToken } = apsPage(found, request, call);
    return { workspaces: items.map((each) => summarise(each, call)), nextToken };
  },
});

/** With all that is in it. */
const deleteWorkspace = write<DeleteWorkspaceRequest, object>("DeleteWorkspace", {
  permissions: ({ workspaceId }, call) => [onWorkspace("DeleteWorkspace", workspaceId, call)],
  handle({ workspaceId }, call) {
    const workspace = findWorkspace(workspaceId, call);
    if (isUnderWay(workspace, call)) throw apsFault("ConflictException", `Workspace ${workspaceId} is ${workspace.doing}`);
    for (const [key] of rulesNamespaces(workspaceId, call)) call.store.rulesNamespaces.delete(key);
    call.store.workspaces.set(workspaceId, { ...workspace, doing: "DELETING", since: call.now });
    return {};
  },
});

export const WORKSPACE_OPERATIONS: readonly Operation[] = [createWorkspace, describeWorkspace, listWorkspaces, deleteWorkspace];
