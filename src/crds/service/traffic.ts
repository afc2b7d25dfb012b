import { z } from "zod";
import { atomicList, duration, isDuration, mapList, rules, setList, text, urlPath, dnsLabel, type Rule } from "../fields.ts";

/** `spec.routes` and `spec.resilience`: what the mesh does with requests to the service. */

/** CEL: exactly one of the named fields is set. */
function exactlyOne(fields: readonly string[]): string {
  return `[${fields.map((field) => `has(self.${field})`).join(", ")}].filter(set, set).size() == 1`;
}

/** CEL that fails to evaluate, and so refuses with RE2's own complaint, where the value is not a regular expression. */
function regularExpression(name: string): Rule {
  return {
    rule: "''.matches(self) in [true, false]",
    message: `${name} must be a regular expression that RE2 reads: close every bracket, and use neither look-around nor back-references`,
  };
}

const regex = (name: string) =>
  z
    .string()
    .min(1)
    .max(1024)
    .meta(rules(regularExpression(name)));

const path = z
  .strictObject({
    prefix: urlPath("path.prefix")
      .optional()
      .describe("Matches this path and everything below it, by whole segments: /v1 matches /v1/match, not /v10."),
    exact: urlPath("path.exact").optional().describe("Matches this path alone."),
    regex: regex("path.regex").optional().describe("RE2 expression that must match the whole path, without the query, as /v[12]/match."),
  })
  .meta(
    rules({
      rule: exactlyOne(["prefix", "exact", "regex"]),
      message: "match.path must have exactly one of prefix, exact and regex: keep the one that is meant",
    }),
  );

const header = z
  .strictObject({
    name: text({
      pattern: /^[a-z0-9][-a-z0-9_]*$/,
      says: "header name must be in lower case, letters, digits, - and _, as x-canary",
      max: 256,
    }).describe("Name of the header in lower case, as x-canary."),
    exact: z.string().min(1).max(1024).optional().describe("Matches this value alone."),
    prefix: z.string().min(1).max(1024).optional().describe("Matches values that begin with this."),
    regex: regex("header regex").optional().describe("RE2 expression that must match the whole value."),
  })
  .meta(
    rules({
      rule: exactlyOne(["exact", "prefix", "regex"]),
      message: "each of match.headers must have exactly one of exact, prefix and regex: keep the one that is meant",
    }),
  );

const match = z
  .strictObject({
    path: path.optional().describe("The request's path. Absent: any."),
    methods: setList(z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]), { min: 1, max: 9 })
      .optional()
      .describe("HTTP methods of which one must match, as [POST]. Absent: any."),
    headers: mapList(header, { keys: ["name"], max: 16 })
      .optional()
      .describe("Headers that must all match. Absent: any."),
  })
  .meta(
    rules({
      rule: "has(self.path) || has(self.methods) || has(self.headers)",
      message: "match must have a path, methods or headers: leave match out for a route that takes everything",
    }),
  );

const retries = z
  .strictObject({
    attempts: z.int().min(0).max(10).describe("Retries after the first try: 2 makes at most three tries. 0: none."),
    perTryTimeout: duration("retries.perTryTimeout")
      .optional()
      .describe(
        "How long one try may take, as 80ms. (attempts + 1) times this must fit into the route's timeout. Required where attempts is above 0.",
      ),
    retryOn: setList(z.enum(["server-error", "gateway-error", "connect-failure", "reset", "refused-stream", "retriable-4xx"]), {
      min: 1,
      max: 6,
    })
      .optional()
      .describe(
        "What is tried again: server-error (any 5xx), gateway-error (502, 503, 504), connect-failure, reset (closed before an answer), " +
          "refused-stream, retriable-4xx (409). Default: connect-failure and refused-stream, where the request was never processed. " +
          "In Istio's ambient data plane these two are always among them, and reset cannot be.",
      ),
  })
  .meta(
    rules({
      rule: "self.attempts == 0 || has(self.perTryTimeout)",
      message:
        "retries.perTryTimeout is required where retries.attempts is above 0: without it one slow try takes the whole timeout; write for example 80ms",
      reason: "FieldValueRequired",
      fieldPath: ".perTryTimeout",
    }),
  );

const budget: Rule = {
  rule:
    "!has(self.timeout) || !has(self.retries) || !has(self.retries.perTryTimeout) || " +
    `!${isDuration("self.timeout")} || !${isDuration("self.retries.perTryTimeout")} || ` +
    "(self.retries.attempts + 1) * duration(self.retries.perTryTimeout).getMilliseconds() <= duration(self.timeout).getMilliseconds()",
  message:
    "the tries of a route must fit into its timeout, (retries.attempts + 1) x retries.perTryTimeout <= timeout: raise timeout, or lower attempts or perTryTimeout",
  fieldPath: ".retries.perTryTimeout",
};

const route = z
  .strictObject({
    name: dnsLabel("route name", "match").describe("Name of the route, unique in the service, as match. Metrics and messages refer to it."),
    match: match
      .optional()
      .describe("What the route takes; all that is written must match. Absent: everything, so it must be the last route."),
    timeout: duration("route timeout")
      .optional()
      .describe("How long a request may take with all its retries, as 250ms; then the caller gets 504. Absent: no limit."),
    retries: retries.optional().describe("Tries again what failed. Absent: nothing is tried again, whatever the mesh's own default."),
  })
  .meta(rules(budget));

export type Route = z.output<typeof route>;

export const routes = atomicList(route, { max: 50 }).meta(
  rules(
    {
      rule: "self.all(one, self.exists_one(other, other.name == one.name))",
      message: "routes must have names of their own: rename the second of each pair",
    },
    {
      rule: "self.filter(one, !has(one.match)).size() == 0 || (self.filter(one, !has(one.match)).size() == 1 && !has(self[self.size() - 1].match))",
      message:
        "a route without match takes everything, so routes after it are never reached: move it to the end of routes, and write only one",
    },
  ),
);

const connectionPool = z.strictObject({
  maxConnections: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("Most TCP connections that one proxy opens to the service. Default: the mesh's."),
  maxPendingRequests: z
    .int()
    .min(1)
    .max(1_000_000)
    .optional()
    .describe("Most requests that wait for a connection; more get 503 at once. Default: the mesh's."),
  maxRequests: z.int().min(1).max(1_000_000).optional().describe("Most requests under way at once over HTTP/2. Default: the mesh's."),
});

const outlierDetection = z
  .strictObject({
    consecutiveErrors: z.int().min(1).max(1000).describe("5xx answers in a row (for tcp: failed connections) that take a pod out, as 5."),
    interval: duration("outlierDetection.interval").describe("How often pods are judged, as 10s."),
    baseEjectionTime: duration("outlierDetection.baseEjectionTime").describe(
      "How long a pod stays out the first time, as 30s; each further time adds as much. At least interval.",
    ),
    maxEjectionPercent: z.int().min(1).max(100).describe("Most pods that may be out at once, in percent, as 50."),
  })
  .meta(
    rules({
      rule:
        `!${isDuration("self.interval")} || !${isDuration("self.baseEjectionTime")} || ` +
        "duration(self.baseEjectionTime) >= duration(self.interval)",
      message:
        "outlierDetection.baseEjectionTime must be at least outlierDetection.interval: a pod comes back only when pods are judged; raise it or shorten interval",
      fieldPath: ".baseEjectionTime",
    }),
  );

export const resilience = z.strictObject({
  connectionPool: connectionPool
    .optional()
    .describe(
      "Bounds on what one caller may have open, so that overload is refused early. In Istio's ambient data plane all callers have them together, for each pod of the waypoint.",
    ),
  outlierDetection: outlierDetection
    .optional()
    .describe("Takes pods that keep failing out of the load balancing for a while. Absent: none are."),
  retryBudgetPercent: z
    .int()
    .min(1)
    .max(100)
    .optional()
    .describe(
      "Most retries under way, in percent of the requests under way, so that retries cannot multiply an outage. Absent: the mesh's default.",
    ),
});
