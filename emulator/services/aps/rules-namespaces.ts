import type {
  CreateRuleGroupsNamespaceRequest,
  CreateRuleGroupsNamespaceResponse,
  DeleteRuleGroupsNamespaceRequest,
  DescribeRuleGroupsNamespaceRequest,
  DescribeRuleGroupsNamespaceResponse,
  ListRuleGroupsNamespacesRequest,
  ListRuleGroupsNamespacesResponse,
  PutRuleGroupsNamespaceRequest,
  PutRuleGroupsNamespaceResponse,
  RuleGroupsNamespaceStatus,
  RuleGroupsNamespaceSummary,
} from "@aws-sdk/client-amp";
import { isRepeated, REPEATED, requestRecord } from "../../idempotency.ts";
import { read, write, type Call, type Operation } from "../../operation.ts";
import type { RequestRecord, RulesNamespaceRecord } from "../../records.ts";
import { refusalOf } from "./rules-file.ts";
import { apsFault } from "./schema.ts";
import {
  apsPage,
  findRulesNamespace,
  findWorkspace,
  isUnderWay,
  mergeTags,
  onRulesNamespace,
  onWorkspace,
  rulesNamespaceArn,
  rulesNamespaceKey,
  rulesNamespaces,
  type Named,
} from "./shared.ts";

function statusOf(record: RulesNamespaceRecord, call: Call): RuleGroupsNamespaceStatus {
  const { doing, failure: statusReason } = record;
  if (isUnderWay(record, call)) return { statusCode: doing };
  return statusReason === undefined
    ? { statusCode: "ACTIVE" }
    : { statusCode: doing === "CREATING" ? "CREATION_FAILED" : "UPDATE_FAILED", statusReason };
}

/** A list's entry: without the rules. */
function summarise(record: RulesNamespaceRecord, call: Call): RuleGroupsNamespaceSummary {
  const { arn, name, createdAt, modifiedAt, tags } = record;
  return { arn, name, status: statusOf(record, call), createdAt: new Date(createdAt), modifiedAt: new Date(modifiedAt), tags };
}

function answer(record: RulesNamespaceRecord, call: Call): CreateRuleGroupsNamespaceResponse {
  const { arn, name, tags } = record;
  return { arn, name, status: statusOf(record, call), tags };
}

interface RulesRequest extends Named {
  readonly data: Uint8Array;
}

function asked(request: RulesRequest): { readonly data: string; readonly by: RequestRecord } {
  const data = Buffer.from(request.data).toString("base64");
  return { data, by: requestRecord({ ...request, data }, "clientToken") };
}

/** Throws ValidationException for what is too large or, as the switch has it, is no rules; otherwise why it will fail. */
function checkRules({ workspaceId, name, data }: RulesRequest, base64: string, call: Call): string | undefined {
  const { quotas, switches } = call;
  if (data.length > quotas.rulesFileBytes)
    throw apsFault("ValidationException", `The rules have ${data.length} bytes; the limit is ${quotas.rulesFileBytes}`);
  const others = rulesNamespaces(workspaceId, call).flatMap(([, each]) => (each.name === name ? [] : [each]));
  const refusal = refusalOf(base64, others, call);
  if (refusal !== undefined && switches.badRules === "refuse") throw apsFault("ValidationException", refusal);
  return refusal;
}

/** Throws ConflictException. */
function checkSettled(record: RulesNamespaceRecord, call: Call): void {
  if (isUnderWay(record, call)) throw apsFault("ConflictException", `Rule groups namespace ${record.name} is ${record.doing}`);
}

const createNamespace = write<CreateRuleGroupsNamespaceRequest, CreateRuleGroupsNamespaceResponse>("CreateRuleGroupsNamespace", {
  permissions(request, call) {
    const { tags = {} } = request;
    const create = { ...onRulesNamespace("CreateRuleGroupsNamespace", request, call), requestTags: tags };
    // Not documented: a request with tags is asked for the right to tag, as App Mesh and ECR do.
    return Object.keys(tags).length > 0 ? [create, { ...create, action: "aps:TagResource" }] : [create];
  },
  handle(request, call) {
    const { workspaceId, name } = request;
    findWorkspace(workspaceId, call);
    const { data, by: madeBy } = asked(request);
    const others = rulesNamespaces(workspaceId, call).map(([, each]) => each);
    const existing = others.find((each) => each.name === name);
    if (existing !== undefined && isRepeated(existing.madeBy, madeBy)) {
      call.note(REPEATED, "true");
      return answer(existing, call);
    }
    if (existing !== undefined) throw apsFault("ConflictException", `Rule groups namespace ${name} already exists`);
    const failure = checkRules(request, data, call);
    const limit = call.quotas.rulesNamespacesPerWorkspace;
    if (others.length >= limit)
      throw apsFault("ServiceQuotaExceededException", `Workspace ${workspaceId} has ${limit} rule groups namespaces, which is the limit`);
    const tags = mergeTags({}, request.tags ?? {}, call);
    const times = { createdAt: call.now, modifiedAt: call.now, since: call.now };
    const arn = rulesNamespaceArn(call, request);
    const made: RulesNamespaceRecord = { workspaceId, name, arn, data, tags, ...times, doing: "CREATING", failure, madeBy };
    call.store.rulesNamespaces.set(rulesNamespaceKey(request), made);
    return answer(made, call);
  },
});

const putNamespace = write<PutRuleGroupsNamespaceRequest, PutRuleGroupsNamespaceResponse>("PutRuleGroupsNamespace", {
  permissions: (request, call) => [onRulesNamespace("PutRuleGroupsNamespace", request, call)],
  handle(request, call) {
    const existing = findRulesNamespace(request, call);
    const { data, by: updatedBy } = asked(request);
    if (existing.updatedBy !== undefined && isRepeated(existing.updatedBy, updatedBy)) return answer(existing, call);
    checkSettled(existing, call);
    const failure = checkRules(request, data, call);
    const times = { modifiedAt: call.now, since: call.now };
    const updated: RulesNamespaceRecord = { ...existing, data, ...times, doing: "UPDATING", failure, updatedBy };
    call.store.rulesNamespaces.set(rulesNamespaceKey(request), updated);
    return answer(updated, call);
  },
});

const describeNamespace = read<DescribeRuleGroupsNamespaceRequest, DescribeRuleGroupsNamespaceResponse>("DescribeRuleGroupsNamespace", {
  permissions: (request, call) => [onRulesNamespace("DescribeRuleGroupsNamespace", request, call)],
  handle(request, call) {
    const record = findRulesNamespace(request, call);
    const { arn, name, status, createdAt, modifiedAt, tags } = summarise(record, call);
    return { ruleGroupsNamespace: { arn, name, status, data: Buffer.from(record.data, "base64"), createdAt, modifiedAt, tags } };
  },
});

const listNamespaces = read<ListRuleGroupsNamespacesRequest, ListRuleGroupsNamespacesResponse>("ListRuleGroupsNamespaces", {
  permissions: ({ workspaceId }, call) => [onWorkspace("ListRuleGroupsNamespaces", workspaceId, call)],
  handle(request, call) {
    const { workspaceId, name: beginning = "" } = request;
    findWorkspace(workspaceId, call);
    const wanted = rulesNamespaces(workspaceId, call).filter(([, { name }]) => name.startsWith(beginning));
    const { items, nextToken } = apsPage(wanted, request, call);
    return { ruleGroupsNamespaces: items.map((each) => summarise(each, call)), nextToken };
  },
});

const deleteNamespace = write<DeleteRuleGroupsNamespaceRequest, object>("DeleteRuleGroupsNamespace", {
  permissions: (request, call) => [onRulesNamespace("DeleteRuleGroupsNamespace", request, call)],
  handle(request, call) {
    const existing = findRulesNamespace(request, call);
    checkSettled(existing, call);
    call.store.rulesNamespaces.set(rulesNamespaceKey(request), { ...existing, doing: "DELETING", since: call.now });
    return {};
  },
});

export const RULES_NAMESPACE_OPERATIONS: readonly Operation[] = [
  createNamespace,
  putNamespace,
  describeNamespace,
  listNamespaces,
  deleteNamespace,
];
