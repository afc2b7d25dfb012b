/** From a request's bytes to an answer's: caller, faults, validation, permission, the operation itself, the log. */
import type { ActionLog } from "./action-log.ts";
import { authorize, denialSentence, type Authorization } from "./authorization/authorize.ts";
import type { ActionCatalogue } from "./authorization/catalogue.ts";
import { AwsFault, badRequest } from "./errors.ts";
import type { FaultInjector, FaultKind, FaultSubject } from "./faults.ts";
import type { Call, Caller, Operation, Service } from "./operation.ts";
import { busyError, unavailableError } from "./passing-errors.ts";
import { isSkewed, readCredential, type Credential, type Principals } from "./principals.ts";
import type { ErrorAnswer, HttpRequest } from "./protocols/protocol.ts";
import { serialiseQueryError } from "./protocols/query.ts";
import type { Sight, State } from "./state.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Besides the content's type and length and the request's id. */
  readonly headers: Readonly<Record<string, string>>;
  readonly requestId: string;
  /** Milliseconds to hold it back. */
  readonly delayMs: number;
  /** How much of it is said before the connection is cut, if it is. */
  readonly cut: "atOnce" | "halfway" | undefined;
}

/** Everything of a call that does not depend on the request. */
export interface DispatcherParts {
  readonly services: ReadonlyMap<string, Service>;
  readonly state: State;
  readonly principals: Principals;
  readonly faults: FaultInjector;
  readonly log: ActionLog;
  readonly catalogue: ActionCatalogue;
  readonly clock: () => number;
  /** Told of each call before anything becomes of it. */
  readonly observer?: ((call: FaultSubject) => void) | undefined;
  /** What each call gets besides the parts that are its own. */
  readonly environment: Omit<Call, "store" | "caller" | "now" | "note">;
}

/** What is known of the call so far; filled as it goes, so that the log has it however the call ends. */
interface Progress {
  service: Service | undefined;
  /** The operation's name, once it is one of the service's. */
  name: string | undefined;
  operation: Operation | undefined;
  faults: readonly FaultKind[];
  authorizations: Authorization[];
  committed: boolean;
  readonly notes: Record<string, string>;
}

export class Dispatcher {
  readonly #parts: DispatcherParts;
  #calls = 0;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  /** Answers one API request. Never throws for what a client sends. */
  answer(request: HttpRequest): HttpAnswer {
    const { faults, answer } = this.#once(request);
    return faults.includes("twice") ? this.#once(request).answer : answer;
  }

  #once(request: HttpRequest): { readonly faults: readonly FaultKind["kind"][]; readonly answer: HttpAnswer } {
    const now = this.#parts.clock();
    const progress: Progress = {
      service: undefined,
      name: undefined,
      operation: undefined,
      faults: [],
      authorizations: [],
      committed: false,
      notes: {},
    };
    let credential: Credential | undefined;
    let fault: AwsFault | undefined;
    let body = "";
    const requestId = Buffer.from(this.#parts.environment.randomBytes(16)).toString("hex");
    try {
      credential = readCredential(request.headers);
      body = this.#carryOut({ request, credential, now, progress, requestId });
    } catch (error) {
      if (!(error instanceof AwsFault)) throw error;
      fault = progress.service?.protocol.onWire(error) ?? error;
    }
    const kinds = progress.faults.map(({ kind }) => kind);
    const lost = kinds.includes("lost");
    const dropped = kinds.includes("drop");
    if (progress.service !== undefined) {
      this.#parts.log.record({
        time: now,
        accessKeyId: credential?.accessKeyId,
        operation: `${progress.service.name}:${progress.name ?? ""}`,
        access: progress.operation?.access ?? "read",
        code: dropped ? "Dropped" : lost ? "Lost" : (fault?.code ?? "OK"),
        committed: progress.committed,
        faults: kinds,
        authorizations: progress.authorizations,
        notes: progress.notes,
      });
    }
    const delayMs = progress.faults.reduce((sum, each) => sum + (each.kind === "latency" ? each.ms : 0), 0);
    const answer: HttpAnswer = {
      status: fault?.status ?? 200,
      contentType: progress.service?.protocol.contentType ?? "text/xml",
      ...(fault === undefined ? { body, headers: {} } : errorAnswer(fault, progress.service, requestId)),
      requestId,
      delayMs,
      cut: lost || dropped ? "atOnce" : kinds.includes("half") ? "halfway" : undefined,
    };
    return { faults: kinds, answer };
  }

  #carryOut(context: {
    request: HttpRequest;
    credential: Credential | undefined;
    now: number;
    progress: Progress;
    requestId: string;
  }): string {
    const { request, credential, now, progress, requestId } = context;
    const service = this.#service(request, credential);
    progress.service = service;
    const name = service.protocol.operation(request, service.schema);
    const schema = service.schema.operations.get(name);
    if (schema === undefined) throw new Error(`${service.name} has no operation ${name}`);
    progress.name = name;
    if (service.regional && credential !== undefined && credential.region !== this.#parts.environment.region) {
      const region = this.#parts.environment.region;
      throw badRequest("InvalidSignatureException", `Credential should be scoped to a valid region: ${region}, not ${credential.region}.`);
    }
    if (this.#parts.environment.switches.skewedClock === "refuse" && credential !== undefined && isSkewed(credential, now))
      throw badRequest(
        "InvalidSignatureException",
        `Signature expired: ${credential.date ?? ""} is more than 5 min. from ${new Date(now).toISOString()}`,
      );
    const operation = service.operations.get(name);
    progress.operation = operation;
    if (operation === undefined) {
      throw badRequest(
        "NotImplemented",
        `This emulator does not have ${service.name}:${name}; emulator/services/${service.name} lists what it has.`,
      );
    }
    this.#calls += 1;
    const moment = { call: this.#calls, now };
    const committed = this.#parts.state.store(moment, { kind: "full" });
    const text = service.protocol.text(request);
    const known = service.knownOf?.(text, committed);
    const subject = {
      service: service.name,
      operation: name,
      access: operation.access,
      accessKeyId: credential?.accessKeyId,
      body: known === undefined ? text : `${text}\n${known}`,
    };
    this.#parts.observer?.(subject);
    progress.faults = this.#parts.faults.befall(subject, now);
    const caller = this.#caller(operation, credential, () => this.#parts.principals.find(required(credential), committed, now));
    throwFault(progress.faults, service, { caller, operation: name });
    if (progress.faults.some(({ kind }) => kind === "drop")) return "";

    const input = service.protocol.read(request, name, service.schema);
    const [broken, ...more] = service.validator.violations(name, schema.input, input);
    if (broken !== undefined) throw service.protocol.invalid([broken, ...more]);
    const sight = sightOf(progress.faults, operation);
    const call: Call = {
      ...this.#parts.environment,
      store: sight.kind === "full" ? committed : this.#parts.state.store(moment, sight),
      caller,
      now,
      note: (key, value) => {
        progress.notes[key] = value;
      },
    };
    this.#authorize(operation, input, { call, progress });
    const output = operation.handle(input, call);
    progress.committed = operation.access === "write";
    return service.protocol.write({ operation: name, requestId }, schema.output, output);
  }

  /** The service that the request is signed for; of one that is not signed, the service that knows it as its own. */
  #service(request: HttpRequest, credential: Credential | undefined): Service {
    const { services } = this.#parts;
    const known = credential === undefined ? undefined : services.get(credential.service);
    const service = known ?? [...services.values()].find(({ protocol }) => protocol.claims(request));
    if (service !== undefined) return service;
    const which = credential?.service ?? "(none)";
    throw badRequest("InvalidAction", `the credential scope names the service ${which}, which this emulator does not have`);
  }

  #caller(operation: Operation, credential: Credential | undefined, find: () => Caller): Caller | undefined {
    if (operation.anonymous) return undefined;
    if (credential === undefined) throw new AwsFault("MissingAuthenticationToken", 403, "Request is missing Authentication Token");
    return find();
  }

  #authorize(operation: Operation, input: unknown, { call, progress }: { call: Call; progress: Progress }): void {
    const { caller } = call;
    if (caller === undefined) return;
    for (const permission of operation.permissions(input, call)) {
      const authorization = authorize(permission, { caller, account: call, now: call.now, catalogue: this.#parts.catalogue });
      progress.authorizations.push(authorization);
      this.#parts.log.use(caller, authorization);
      const { effect } = authorization.decision;
      if (effect === "implicitDeny" || effect === "explicitDeny")
        throw new AwsFault("AccessDenied", 403, denialSentence(caller, authorization));
    }
  }
}

function required(credential: Credential | undefined): Credential {
  if (credential === undefined) throw new AwsFault("MissingAuthenticationToken", 403, "Request is missing Authentication Token");
  return credential;
}

/** A request of no known service is answered as AWS's front door does, in XML. */
function errorAnswer(fault: AwsFault, service: Service | undefined, requestId: string): ErrorAnswer {
  if (service !== undefined) return service.protocol.writeError(fault, requestId);
  return { body: serialiseQueryError(fault, "http://webservices.amazon.com/AWSFault/2005-15-09", requestId), headers: {} };
}

function sightOf(faults: readonly FaultKind[], operation: Operation): Sight {
  const stale = faults.find((fault) => fault.kind === "staleReads");
  if (stale === undefined) return { kind: "full" };
  return { kind: operation.access === "read" ? "lagging" : "laggingCreation", lag: stale };
}

function throwFault(
  faults: readonly FaultKind[],
  service: Service,
  { caller, operation }: { caller: Caller | undefined; operation: string },
): void {
  for (const { kind } of faults) {
    if (kind === "throttle" || kind === "rateLimit") throw badRequest("Throttling", "Rate exceeded");
    if (kind === "http500") {
      throw new AwsFault(
        service.internalError,
        500,
        "The request processing has failed because of an unknown error, exception or failure.",
      );
    }
    if (kind === "unavailable") throw unavailableError(service.name);
    if (kind === "busy") throw busyError(service.name, operation) ?? unavailableError(service.name);
    if (kind === "expiredCredentials") throw new AwsFault("ExpiredToken", 403, "The security token included in the request is expired");
    if (kind === "denied") {
      const who = caller?.arn ?? "anonymous";
      throw new AwsFault(
        "AccessDenied",
        403,
        `User: ${who} is not authorized to perform: ${service.name}:${operation} on resource: * with an explicit deny`,
      );
    }
  }
}
