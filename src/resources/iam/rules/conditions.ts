import { listed } from "../../order.ts";
import { violation, type PolicyRule } from "./rule.ts";

/** Rules about conditions. In an allowing statement they only narrow, so which are needed is the escalation rules' to say. */

/** IAM user guide, IAM JSON policy elements: Condition operators. */
const OPERATORS: ReadonlySet<string> = new Set([
  "StringEquals",
  "StringNotEquals",
  "StringEqualsIgnoreCase",
  "StringNotEqualsIgnoreCase",
  "StringLike",
  "StringNotLike",
  "NumericEquals",
  "NumericNotEquals",
  "NumericLessThan",
  "NumericLessThanEquals",
  "NumericGreaterThan",
  "NumericGreaterThanEquals",
  "DateEquals",
  "DateNotEquals",
  "DateLessThan",
  "DateLessThanEquals",
  "DateGreaterThan",
  "DateGreaterThanEquals",
  "Bool",
  "BinaryEquals",
  "IpAddress",
  "NotIpAddress",
  "ArnEquals",
  "ArnNotEquals",
  "ArnLike",
  "ArnNotLike",
  "Null",
]);

/** One of IAM's operators, with ForAllValues: or ForAnyValue: before it and IfExists after it where IAM allows that. */
export const knownOperator: PolicyRule = (statement) => {
  const unknown = (statement.conditions ?? []).map(({ operator }) => operator).filter((operator) => !isOperator(operator));
  return unknown.length === 0
    ? undefined
    : violation(statement, "conditions", {
        reason: "UnknownConditionOperator",
        text: `uses ${listed(unknown)}, which is no condition operator of IAM; write one of its names, as StringEquals or ArnLike`,
      });
};

/** A key is `service:Key`, as IAM has no others. */
export const wellFormedConditionKey: PolicyRule = (statement) => {
  const wrong = (statement.conditions ?? []).map(({ key }) => key).filter((key) => !/^[A-Za-z0-9.-]+:\S+$/.test(key));
  return wrong.length === 0
    ? undefined
    : violation(statement, "conditions", {
        reason: "MalformedConditionKey",
        text: `has the key ${listed(wrong.map((key) => JSON.stringify(key)))}; a condition key reads service:Key, as dynamodb:LeadingKeys`,
      });
};

/** What a policy document may hold (botocore iam service-2.json, policyDocumentType): of control characters tab and line breaks alone, and of the others Latin-1. */
const OUTSIDE_DOCUMENT = /[^\t\n\r\u0020-\u00ff]/;

/** IAM takes no other text, and would refuse the whole policy. */
export const writableConditionValue: PolicyRule = (statement) => {
  const wrong = (statement.conditions ?? []).filter(({ values }) => values.some((value) => OUTSIDE_DOCUMENT.test(value)));
  return wrong.length === 0
    ? undefined
    : violation(statement, "conditions", {
        reason: "MalformedConditionValue",
        text: `has values of ${listed(wrong.map(({ key }) => key))} with characters that no policy of IAM may hold; write ? for one such character, or * for some, under an operator that takes patterns, as StringLike`,
      });
};

/** A document holds each operator and key once: a second one cannot be written as "and", and merged it would widen the first. */
export const noRepeatedCondition: PolicyRule = (statement) => {
  const seen = new Set<string>();
  const repeated = (statement.conditions ?? []).filter(({ operator, key }) => {
    const id = `${operator} ${key.toLowerCase()}`;
    return seen.size === seen.add(id).size;
  });
  return repeated.length === 0
    ? undefined
    : violation(statement, "conditions", {
        reason: "RepeatedCondition",
        text: `has ${listed(repeated.map(({ operator, key }) => `${operator} on ${key}`))} more than once; put the values into one condition, or split the statement`,
      });
};

function isOperator(operator: string): boolean {
  const bare = operator.replace(/^(ForAllValues|ForAnyValue):/, "");
  const base = bare.replace(/IfExists$/, "");
  return OPERATORS.has(base) && !(base === "Null" && bare !== base);
}
