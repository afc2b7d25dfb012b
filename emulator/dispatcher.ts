/** From a request's bytes to an answer's: caller, faults, validation, permission, the operation itself, the log. */
import type { IncomingHttpHeaders } from "node:http";
import type { ActionLog } from "./action-log.ts";
import { authorize, denialSentence, type Authorization } from "./authorization/authorize.ts";
import type { ActionCatalogue } from "./authorization/catalogue.ts";
import { AwsFault, badRequest } from "./errors.ts";
import type { FaultInjector, FaultKind, FaultSubject } from "./faults.ts";
import { validationSentence } from "./models/validate.ts";
import type { Call, Caller, Operation, Service } from "./operation.ts";
import { readCredential, type Credential, type Principals } from "./principals.ts";
import { parseJsonInput, serialiseJsonError, serialiseJsonOutput } from "./protocols/json.ts";
import { parseQueryInput, serialiseQueryError, serialiseQueryOutput } from "./protocols/query.ts";
import type { Sight, State } from "./state.ts";

export interface HttpRequest {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  readonly requestId: string;
  /** Milliseconds to hold it back. */
  readonly delayMs: number;
  /** The connection is cut instead of answering. */
  readonly drop: boolean;
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

/** The code that each protocol's services use for what all of them can answer. */
const JSON_CODES: Readonly<Record<string, string>> = {
  AccessDenied: "AccessDeniedException",
  ExpiredToken: "ExpiredTokenException",
  InvalidClientTokenId: "UnrecognizedClientException",
  MissingAuthenticationToken: "MissingAuthenticationTokenException",
  Throttling: "ThrottlingException",
};

interface Target {
  readonly service: Service;
  readonly name: string;
  readonly form: URLSearchParams;
}

/** What is known of the call so far; filled as it goes, so that the log has it however the call ends. */
interface Progress {
  target: Target | undefined;
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
    const now = this.#parts.clock();
    const progress: Progress = { target: undefined, operation: undefined, faults: [], authorizations: [], committed: false, notes: {} };
    let credential: Credential | undefined;
    let fault: AwsFault | undefined;
    let body = "";
    const requestId = Buffer.from(this.#parts.environment.randomBytes(16)).toString("hex");
    try {
      credential = readCredential(request.headers);
      body = this.#carryOut({ request, credential, now, progress, requestId });
    } catch (error) {
      if (!(error instanceof AwsFault)) throw error;
      fault = error;
    }
    const kinds = progress.faults.map(({ kind }) => kind);
    const lost = kinds.includes("lost");
    const dropped = kinds.includes("drop");
    const json = progress.target?.service.protocol.kind === "json";
    const code = fault === undefined ? "OK" : this.#wireCode(fault, json).code;
    if (progress.target !== undefined) {
      this.#parts.log.record({
        time: now,
        accessKeyId: credential?.accessKeyId,
        operation: `${progress.target.service.name}:${progress.target.name}`,
        access: progress.operation?.access ?? "read",
        code: dropped ? "Dropped" : lost ? "Lost" : code,
        committed: progress.committed,
        faults: kinds,
        authorizations: progress.authorizations,
        notes: progress.notes,
      });
    }
    const delayMs = progress.faults.reduce((sum, each) => sum + (each.kind === "latency" ? each.ms : 0), 0);
    return {
      status: fault === undefined ? 200 : this.#wireCode(fault, json).status,
      contentType: json ? "application/x-amz-json-1.1" : "text/xml",
      body: fault === undefined ? body : this.#errorBody(this.#wireCode(fault, json), progress.target, requestId),
      requestId,
      delayMs,
      drop: lost || dropped,
    };
  }

  #wireCode(fault: AwsFault, json: boolean): AwsFault {
    const code = json ? JSON_CODES[fault.code] : undefined;
    return code === undefined ? fault : new AwsFault(code, 400, fault.message);
  }

  #errorBody(fault: AwsFault, target: Target | undefined, requestId: string): string {
    const protocol = target?.service.protocol;
    if (protocol?.kind === "json") return serialiseJsonError(fault);
    return serialiseQueryError(fault, protocol?.namespace ?? "http://webservices.amazon.com/AWSFault/2005-15-09", requestId);
  }

  #carryOut(context: {
    request: HttpRequest;
    credential: Credential | undefined;
    now: number;
    progress: Progress;
    requestId: string;
  }): string {
    const { request, credential, now, progress, requestId } = context;
    const target = this.#target(request, credential);
    progress.target = target;
    const { service, name } = target;
    if (service.regional && credential !== undefined && credential.region !== this.#parts.environment.region) {
      const region = this.#parts.environment.region;
      throw badRequest("InvalidSignatureException", `Credential should be scoped to a valid region: ${region}, not ${credential.region}.`);
    }
    const schema = service.schema.operations.get(name);
    if (schema === undefined) throw unknownOperation(service, name);
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
    const { name: serviceName } = service;
    const subject = {
      service: serviceName,
      operation: name,
      access: operation.access,
      accessKeyId: credential?.accessKeyId,
      body: request.body,
    };
    this.#parts.observer?.(subject);
    progress.faults = this.#parts.faults.befall(subject, now);
    const committed = this.#parts.state.store(moment, { kind: "full" });
    const caller = this.#caller(operation, credential, () => this.#parts.principals.find(required(credential), committed, now));
    throwFault(progress.faults, service, { caller, operation: `${service.name}:${name}` });
    if (progress.faults.some(({ kind }) => kind === "drop")) return "";

    const input =
      service.protocol.kind === "json" ? parseJsonInput(schema.input, request.body) : parseQueryInput(schema.input, target.form);
    this.#validate(service, name, input);
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
    if (service.protocol.kind === "json") return serialiseJsonOutput(schema.output, output);
    return serialiseQueryOutput({ operation: name, namespace: service.protocol.namespace, requestId }, schema.output, output);
  }

  #target({ headers, body }: HttpRequest, credential: Credential | undefined): Target {
    const target = headers["x-amz-target"];
    if (typeof target === "string") {
      const [prefix, name = ""] = target.split(".", 2);
      const service = [...this.#parts.services.values()].find(({ protocol }) => protocol.kind === "json" && protocol.target === prefix);
      if (service === undefined) throw badRequest("UnknownOperationException", `no service has the target ${target}`);
      return { service, name, form: new URLSearchParams() };
    }
    const form = new URLSearchParams(body);
    const version = form.get("Version");
    const byScope = credential === undefined ? undefined : this.#parts.services.get(credential.service);
    const service =
      byScope ?? [...this.#parts.services.values()].find(({ protocol }) => protocol.kind === "query" && protocol.version === version);
    if (service?.protocol.kind !== "query") {
      throw badRequest(
        "InvalidAction",
        `the credential scope names the service ${credential?.service ?? "(none)"}, which this emulator does not have`,
      );
    }
    return { service, name: form.get("Action") ?? "", form };
  }

  #caller(operation: Operation, credential: Credential | undefined, find: () => Caller): Caller | undefined {
    if (operation.anonymous) return undefined;
    if (credential === undefined) throw new AwsFault("MissingAuthenticationToken", 403, "Request is missing Authentication Token");
    return find();
  }

  #validate(service: Service, name: string, input: unknown): void {
    const schema = service.schema.operations.get(name);
    if (schema === undefined) return;
    const violations = service.validator.violations(name, schema.input, input);
    const [first] = violations;
    if (first === undefined) return;
    if (service.protocol.kind === "query") throw badRequest("ValidationError", validationSentence(violations));
    const rule = first.pattern === undefined ? first.constraint : `must satisfy regular expression '${first.pattern}'`;
    throw badRequest("InvalidParameterException", `Invalid parameter at '${first.path}' failed to satisfy constraint: '${rule}'`);
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

function unknownOperation(service: Service, name: string): AwsFault {
  if (service.protocol.kind === "json") return badRequest("UnknownOperationException", `${service.name} has no operation ${name}`);
  return badRequest("InvalidAction", `Could not find operation ${name} for version ${service.protocol.version}`);
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
      const code = { iam: "ServiceFailure", ecr: "ServerException" }[service.name] ?? "InternalFailure";
      throw new AwsFault(code, 500, "The request processing has failed because of an unknown error, exception or failure.");
    }
    if (kind === "expiredCredentials") throw new AwsFault("ExpiredToken", 403, "The security token included in the request is expired");
    if (kind === "denied") {
      const who = caller?.arn ?? "anonymous";
      throw new AwsFault(
        "AccessDenied",
        403,
        `User: ${who} is not authorized to perform: ${operation} on resource: * with an explicit deny`,
      );
    }
  }
}
