import type { SyntaxNode } from "@lezer/common";
import { parser } from "@prometheus-io/lezer-promql";
import { labelMatchers } from "../promql.ts";

/**
 * PromQL of a squad's own, that counts. It is written into the rules of a Prometheus that others use too, so only that part of the language is taken of which
 * every sentence is valid, counts, and reads the service's own series: a file of rules with one mistake may not load at all.
 */

/** What stands for the time over which is counted. */
const PLACEHOLDER = "[window]";
/** The same, as PromQL that no squad writes: as long, so that positions are those of the squad's text. */
const PARSED = "[00001m]";

/** Of a range of samples, how much a series rose, or the sum or number of what was recorded in it. */
const COUNTING = ["increase", "sum_over_time", "count_over_time"];
const AGGREGATIONS = ["sum", "min", "max", "avg", "count"];
const SET_OPERATORS = ["And", "Or", "Unless"];
const ARITHMETIC = ["Add", "Sub", "Mul", "Div"];
/** In RE2 and in ECMAScript the same, whatever the order. */
const PLAIN_REGEX = /^([A-Za-z0-9_:/ .*+?|()[\]-]|\\\\\.)*$/;

const PLAIN_VALUE = /^"[^"\\\n]*"$/;

/** Label matchers that each series must meet, beside the squad's own. */
export type Scope = Readonly<Record<string, string>>;

/** Why the query cannot be a part of the rules, and what to write; undefined where it can. */
export function queryProblem(query: string, scope: Scope): string | undefined {
  if (!query.includes(PLACEHOLDER)) return `must count over ${PLACEHOLDER}: write for example sum(increase(orders_total${PLACEHOLDER}))`;
  try {
    const source = parsable(query);
    const kind = kindOf(expressionOf(source), source, scope);
    return kind === "vector" ? undefined : "must count series: a number alone counts nothing";
  } catch (error) {
    if (error instanceof NotTaken) return error.message;
    throw error;
  }
}

/** The query over a window, as 5m, of series that meet the scope: one number. Parsed once for all windows. Only for queries without a problem. */
export function writtenQuery(query: string, scope: Scope): (window: string) => string {
  const source = parsable(query);
  const ranges: Place[] = [];
  const narrowings: Edit[] = [];
  parser.parse(source).iterate({
    enter({ name, node }) {
      if (name === "MatrixSelector") ranges.push(node.lastChild ?? node);
      if (name === "VectorSelector") narrowings.push(...narrowed(node, scope));
    },
  });
  // What stands in a string is no range.
  return (window) => {
    const edits = [...narrowings, ...ranges.map(({ from, to }) => ({ from, to, text: window }))];
    return `sum(${applied(source, edits).replaceAll(PARSED, PLACEHOLDER)})`;
  };
}

interface Place {
  readonly from: number;
  readonly to: number;
}

interface Edit extends Place {
  readonly text: string;
}

/** A part of PromQL that is not taken, or no PromQL. */
class NotTaken extends Error {}

function parsable(query: string): string {
  return query.replaceAll(PLACEHOLDER, PARSED);
}

function expressionOf(source: string): SyntaxNode {
  const { topNode } = parser.parse(source);
  const broken = firstError(topNode);
  const at = broken && source.slice(broken.from).trim().split(/\s/)[0];
  if (broken)
    throw new NotTaken(
      `must be PromQL: it is not from ${at === undefined || at === "" ? "its end" : JSON.stringify(at.replaceAll(PARSED, PLACEHOLDER))} on`,
    );
  const [expression, more] = childrenOf(topNode);
  if (expression === undefined) throw new NotTaken("must be PromQL: it is empty");
  if (more !== undefined) throw notTaken(more, source);
  return expression;
}

function firstError(top: SyntaxNode): SyntaxNode | undefined {
  let found: SyntaxNode | undefined;
  top.cursor().iterate((node) => {
    if (node.type.isError) found ??= node.node;
  });
  return found;
}

type Kind = "vector" | "number";

function kindOf(node: SyntaxNode, source: string, scope: Scope): Kind {
  switch (node.name) {
    case "NumberDurationLiteral":
      return "number";
    case "ParenExpr":
      return kindOf(only(node, source), source, scope);
    case "AggregateExpr":
      return aggregation(node, source, scope);
    case "FunctionCall":
      return counting(node, source, scope);
    case "BinaryExpr":
      return binary(node, source, scope);
    default:
      throw notTaken(node, source);
  }
}

function aggregation(node: SyntaxNode, source: string, scope: Scope): Kind {
  const operator = node.firstChild;
  const body = node.getChild("FunctionCallBody");
  if (operator === null || body === null || !AGGREGATIONS.includes(textOf(operator, source).toLowerCase())) throw notTaken(node, source);
  if (kindOf(only(body, source), source, scope) !== "vector") throw new NotTaken(`must count series: ${written(node, source)} does not`);
  return "vector";
}

function counting(node: SyntaxNode, source: string, scope: Scope): Kind {
  const name = node.firstChild;
  const body = node.getChild("FunctionCallBody");
  if (name === null || body === null || !COUNTING.includes(textOf(name, source))) throw notTaken(node, source);
  const range = only(body, source);
  const [series, duration, more] = childrenOf(range);
  if (range.name !== "MatrixSelector" || series?.name !== "VectorSelector" || duration === undefined || more !== undefined) {
    throw new NotTaken(`must count series over ${PLACEHOLDER}: ${written(node, source)} does not`);
  }
  if (`[${textOf(duration, source)}]` !== PARSED) {
    throw new NotTaken(`must count over ${PLACEHOLDER} alone: write ${PLACEHOLDER} in place of [${textOf(duration, source)}]`);
  }
  checkSelector(series, source, scope);
  return "vector";
}

/** A metric by its plain name, and what its labels must be. */
function checkSelector(selector: SyntaxNode, source: string, scope: Scope): void {
  if (selector.firstChild?.name !== "Identifier") {
    throw new NotTaken(`must name each metric before its labels, as orders_total{code="200"}: ${written(selector, source)} does not`);
  }
  for (const matcher of childrenOf(selector.getChild("LabelMatchers"))) {
    const [label, operator, value] = childrenOf(matcher).map((one) => textOf(one, source));
    if (
      matcher.name !== "UnquotedLabelMatcher" ||
      label === undefined ||
      operator === undefined ||
      value === undefined ||
      label === "__name__"
    ) {
      throw notTaken(matcher, source);
    }
    const wanted = scope[label];
    if (wanted !== undefined && (operator !== "=" || value.slice(1, -1) !== wanted)) {
      throw new NotTaken(
        `may read only series with ${label}=${JSON.stringify(wanted)}, which is added: remove ${written(matcher, source)}`,
      );
    }
    if (!operator.endsWith("~") && !PLAIN_VALUE.test(value)) {
      throw new NotTaken(`must have values of labels in double quotes and without backslash: ${written(matcher, source)} has not`);
    }
    if (operator.endsWith("~") && !isPlainRegex(value)) {
      throw new NotTaken(
        `must have regular expressions of letters, digits, spaces and . * + ? | ( ) [ ] - _ : / and \\\\. alone, in double quotes: ${written(matcher, source)} has not`,
      );
    }
  }
}

function isPlainRegex(literal: string): boolean {
  const pattern = literal.slice(1, -1);
  if (!literal.startsWith('"') || !PLAIN_REGEX.test(pattern) || /\(\?|\[\]|\[\[/.test(pattern)) return false;
  try {
    return new RegExp(pattern.replaceAll("\\\\", "\\"), "u").source !== "";
  } catch {
    return false;
  }
}

function binary(node: SyntaxNode, source: string, scope: Scope): Kind {
  const children = childrenOf(node);
  const [left, operator, ...rest] = children;
  const right = rest.at(-1);
  const matching = rest.slice(0, -1);
  if (left === undefined || operator === undefined || right === undefined) throw notTaken(node, source);
  const kinds = [kindOf(left, source, scope), kindOf(right, source, scope)];
  const vectors = kinds.every((kind) => kind === "vector");
  const isSet = SET_OPERATORS.includes(operator.name);
  if (!isSet && !ARITHMETIC.includes(operator.name)) throw notTaken(operator, source);
  if (isSet && !vectors) throw new NotTaken(`must count series: ${written(node, source)} has a number beside ${textOf(operator, source)}`);
  for (const one of matching) {
    const [how, labels, more] = childrenOf(one);
    if (!vectors || !["On", "Ignoring"].includes(how?.name ?? "") || labels?.name !== "GroupingLabels" || more !== undefined)
      throw notTaken(one, source);
  }
  return kinds.includes("vector") ? "vector" : "number";
}

function only(node: SyntaxNode, source: string): SyntaxNode {
  const [child, more] = childrenOf(node);
  if (child === undefined || more !== undefined) throw notTaken(more ?? node, source);
  return child;
}

function childrenOf(node: SyntaxNode | null): readonly SyntaxNode[] {
  const children: SyntaxNode[] = [];
  for (let child = node?.firstChild ?? null; child !== null; child = child.nextSibling) children.push(child);
  return children;
}

function textOf({ from, to }: SyntaxNode, source: string): string {
  return source.slice(from, to);
}

function written(node: SyntaxNode, source: string): string {
  return textOf(node, source).replaceAll(PARSED, PLACEHOLDER);
}

function notTaken(node: SyntaxNode, source: string): NotTaken {
  return new NotTaken(
    `must be made of ${COUNTING.map((name) => `${name}(series${PLACEHOLDER})`).join(", ")}, ${AGGREGATIONS.join(", ")}, numbers, + - * / and or unless alone: ${written(node, source)} is none of them`,
  );
}

function narrowed(selector: SyntaxNode, scope: Scope): readonly Edit[] {
  const matchers = labelMatchers(scope);
  if (matchers.length === 0) return [];
  const labels = selector.getChild("LabelMatchers");
  if (labels === null) return [{ from: selector.to, to: selector.to, text: `{${matchers.join(",")}}` }];
  const at = labels.from + 1;
  return [{ from: at, to: at, text: `${matchers.join(",")}${labels.firstChild === null ? "" : ","}` }];
}

function applied(source: string, edits: readonly Edit[]): string {
  let text = "";
  let done = 0;
  for (const edit of edits.toSorted((a, b) => a.from - b.from)) {
    text += source.slice(done, edit.from) + edit.text;
    done = edit.to;
  }
  return text + source.slice(done);
}
