import { parser } from "@prometheus-io/lezer-promql";

/** The metrics that a PromQL expression names, each once. Throws where it is no PromQL, or a selector names no metric. */
export function metricsIn(expr: string): readonly string[] {
  const metrics = new Set<string>();
  parser.parse(expr).iterate({
    enter({ name, node, from, to }) {
      if (node.type.isError) throw new Error(`no PromQL at ${from}: ${expr}`);
      if (name !== "VectorSelector") return;
      const metric = node.getChild("Identifier");
      if (metric === null) throw new Error(`names no metric: ${expr.slice(from, to)}`);
      metrics.add(expr.slice(metric.from, metric.to));
    },
  });
  return [...metrics];
}
