import type { Violation } from "../../crds/desired.ts";
import type { EffectiveService } from "../../crds/effective.ts";
import type { Route } from "../../crds/platform-service.ts";
import { dependenciesOf } from "../agreement.ts";
import { joined } from "../bounded-text.ts";
import { violation } from "../violation.ts";
import { gatewayMatches, type GatewayMatch } from "./ambient-routes.ts";
import { overtakes } from "./route-order.ts";

/** What a sidecar does and Istio's ambient data plane cannot: refused whole, so that nothing of a file is quietly left out. */
export function ambientLimits(service: EffectiveService): readonly Violation[] {
  return [
    ...hostLimits(service),
    ...service.routes.flatMap((route) => [...retryLimits(service, route), ...pathLimits(route), ...headerLimits(route)]),
    ...countLimits(service.routes),
    ...orderLimits(service.routes),
  ];
}

const OTHERWISE = "or ask the platform team for the sidecar data plane in this namespace (mesh.overrides of the operator's configuration)";

/** ztunnel knows no closed registry (istio/istio#54281), and a ServiceEntry for one service would catch the calls of every other (istio/istio#55163). */
function hostLimits(service: EffectiveService): readonly Violation[] {
  const hosts = [...new Set(dependenciesOf(service).hosts.map(({ host }) => host))];
  if (hosts.length === 0) return [];
  const written = service.spec.dependencies?.hosts ?? [];
  const field = written.length > 0 ? "spec.dependencies.hosts" : "spec.tier";
  return violation(
    field,
    "HostsNotInAmbient",
    `no proxy of the ambient data plane holds a pod to names outside the cluster (${joined(hosts, ", ")}): write their addresses in spec.dependencies.cidrs, ${OTHERWISE}`,
  );
}

/** An HTTPRoute names answers to try again by status alone; Istio adds what was never processed, and for gRPC the statuses unavailable and cancelled. */
function retryLimits({ spec }: EffectiveService, { name, retries }: Route): readonly Violation[] {
  if (!retries || retries.attempts === 0) return [];
  const field = `spec.routes[${name}].retries`;
  if (spec.protocol === "grpc") {
    return violation(
      `${field}.attempts`,
      "RetriesNotInAmbient",
      `the ambient data plane would also try gRPC's unavailable and cancelled again, which may have been processed: write attempts: 0, ${OTHERWISE}`,
    );
  }
  if (retries.retryOn?.includes("reset") !== true) return [];
  return violation(
    `${field}.retryOn`,
    "RetriesNotInAmbient",
    `reset cannot be told to the ambient data plane: remove it from retryOn, ${OTHERWISE}`,
  );
}

/** What Gateway API takes as a path that is no regular expression. */
const PATH = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|%[0-9a-fA-F]{2})+$/;
const PATH_EXCEPT = /\/\/|\/\.{1,2}(\/|$)|%2f/i;

function pathLimits({ name, match }: Route): readonly Violation[] {
  return gatewayMatches(match)
    .slice(0, 1)
    .filter(({ path: { type, value } }) => type !== "RegularExpression" && (!PATH.test(value) || PATH_EXCEPT.test(value)))
    .flatMap(({ path: { value } }) =>
      violation(
        `spec.routes[${name}].match.path`,
        "PathNotInAmbient",
        `${value} is no path that Gateway API takes: percent-encode what is not a letter, digit or one of -._~!$&'()*+,;=:@, and write no //, /./, /../ or %2f, ${OTHERWISE}`,
      ),
    );
}

const HEADER_VALUE = /^[!-~]+([\t ]?[!-~]+)*$/;

function headerLimits({ name, match }: Route): readonly Violation[] {
  return gatewayMatches(match)
    .slice(0, 1)
    .flatMap(({ headers = [] }) => headers)
    .filter(({ value }) => !HEADER_VALUE.test(value))
    .flatMap((header) =>
      violation(
        `spec.routes[${name}].match.headers[${header.name}]`,
        "HeaderNotInAmbient",
        `the value is none that Gateway API takes: write printable ASCII with single spaces between, ${OTHERWISE}`,
      ),
    );
}

/** Of one HTTPRoute. */
const MAX_RULES = 16;
const MAX_MATCHES = 128;

function countLimits(routes: readonly Route[]): readonly Violation[] {
  const matches = routes.flatMap(({ match }) => gatewayMatches(match)).length;
  if (routes.length <= MAX_RULES && matches <= MAX_MATCHES) return [];
  return violation(
    "spec.routes",
    "TooManyRoutes",
    `an HTTPRoute has at most ${MAX_RULES} routes and ${MAX_MATCHES} matches, each method one, and these are ${routes.length} and ${matches}: write fewer, ${OTHERWISE}`,
  );
}

/** The first route that is overtaken by a later one; the others follow from putting it right. */
function orderLimits(routes: readonly Route[]): readonly Violation[] {
  for (const [index, route] of routes.entries()) {
    const matches = gatewayMatches(route.match);
    const overtaker = routes.slice(index + 1).find((later) => gatewayMatches(later.match).some((one) => matches.some(isOvertakenBy(one))));
    if (!overtaker) continue;
    return violation(
      `spec.routes[${overtaker.name}]`,
      "RouteOrder",
      `the ambient data plane tries it before ${route.name}, which is written first: it puts exact paths before prefixes, prefixes before regular expressions, then the longer, then those with a method, then those with more headers. Write them in that order, as matches that no request has in common, ${OTHERWISE}`,
    );
  }
  return [];
}

function isOvertakenBy(later: GatewayMatch): (earlier: GatewayMatch) => boolean {
  return (earlier) => overtakes(later, earlier);
}
