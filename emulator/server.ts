import { randomBytes as nodeRandomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { ActionLog } from "./action-log.ts";
import { ADMIN_PREFIX, answerAdmin, type AdminParts } from "./admin.ts";
import { ActionCatalogue } from "./authorization/catalogue.ts";
import { Dispatcher } from "./dispatcher.ts";
import { FaultInjector } from "./faults.ts";
import { LAYER_PREFIX, LayerUrls } from "./layer-urls.ts";
import { DEFAULT_SWITCHES, type EmulatorOptions } from "./options.ts";
import { Principals } from "./principals.ts";
import { DEFAULT_QUOTAS } from "./quotas.ts";
import { apsService } from "./services/aps/service.ts";
import { foundWorkspaces } from "./services/aps/workspaces.ts";
import { appMeshService } from "./services/appmesh/service.ts";
import { ecrService } from "./services/ecr/service.ts";
import { eksAuthService } from "./services/eks-auth/service.ts";
import { eksService } from "./services/eks/service.ts";
import { iamService } from "./services/iam/service.ts";
import { stsService } from "./services/sts/service.ts";
import { State } from "./state.ts";

/** A running emulator of STS, IAM, ECR, EKS Pod Identity, EKS Auth, App Mesh and the rules of Amazon Managed Service for Prometheus. */
export interface Emulator {
  /** As `http://127.0.0.1:40123`; for AWS_ENDPOINT_URL or a client's `endpoint`. */
  readonly url: string;
  /** Stops listening, drops open connections and writes the state file. */
  close(): Promise<void>;
}

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const LARGEST_BODY = 64 * 1024 * 1024; // a layer part of 20 MiB in base64, with room

interface Parts extends AdminParts {
  readonly dispatcher: Dispatcher;
  readonly layerUrls: LayerUrls;
}

/** Starts the emulator on 127.0.0.1. Rejects when the port is taken, the state file is another account's, or a principal's policy is malformed. */
export async function startEmulator(options: EmulatorOptions): Promise<Emulator> {
  const state = new State(options);
  const principals = new Principals(options);
  const faults = new FaultInjector();
  const log = new ActionLog();
  // Clients close what is idle: a request that is sent as the server closes its connection would be reset.
  const server = createServer({ keepAliveTimeout: 0 });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the emulator's server has no port");
  const url = `http://127.0.0.1:${address.port}`;
  const randomBytes = options.randomBytes ?? ((size: number): Uint8Array => nodeRandomBytes(size));
  const clock = options.clock ?? Date.now;
  foundWorkspaces(options, state, clock());
  const layerUrls = new LayerUrls(randomBytes(32));
  const services = [stsService(), iamService(), ecrService(), eksService(), eksAuthService(), appMeshService(), apsService()];
  const dispatcher = new Dispatcher({
    services: new Map(services.map((service) => [service.name, service])),
    state,
    principals,
    faults,
    log,
    catalogue: ActionCatalogue.load(),
    clock,
    observer: options.observer,
    environment: {
      accountId: options.accountId,
      region: options.region,
      quotas: { ...DEFAULT_QUOTAS, ...options.quotas },
      switches: { ...DEFAULT_SWITCHES, ...options.switches },
      oidcIssuerKeys: options.oidcIssuerKeys ?? {},
      clusters: options.clusters ?? [],
      firstImages: options.firstImages ?? { images: {}, layers: {} },
      principalArns: new Set((options.principals ?? []).map(({ arn }) => arn)),
      layerUrl: (digest) => url + layerUrls.sign(digest, clock()),
      uniqueId: (prefix) => prefix + [...randomBytes(17)].map((byte) => LETTERS[byte % LETTERS.length]).join(""),
      randomBytes,
    },
  });
  const parts: Parts = { dispatcher, layerUrls, clock, log, faults, principals, state };
  server.on("request", (request, response) => {
    serve(parts, request, response).catch((error: unknown) => {
      console.error("emulator: a call failed in the emulator itself:", error);
      if (!response.headersSent) response.writeHead(500, { "content-type": "text/plain" });
      response.end("the emulator failed; see its output");
    });
  });
  return {
    url,
    close: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      server.closeAllConnections();
      await closed;
      state.flush();
    },
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request) {
    const bytes: Buffer = chunk;
    size += bytes.length;
    if (size > LARGEST_BODY) throw new Error(`a request is larger than ${LARGEST_BODY} bytes`);
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString();
}

async function serve(parts: Parts, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://127.0.0.1");
  const body = await readBody(request);
  const method = request.method ?? "GET";
  if (pathname.startsWith(ADMIN_PREFIX)) {
    const { status, value } = answerAdmin(parts, { method, path: pathname.slice(ADMIN_PREFIX.length), query: searchParams, body });
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
    return;
  }
  if (pathname.startsWith(LAYER_PREFIX)) {
    const digest = parts.layerUrls.verify(pathname, searchParams, parts.clock());
    const content = digest === undefined ? undefined : parts.state.layer(digest);
    if (content === undefined) response.writeHead(403, { "content-type": "text/plain" }).end("the URL is not valid, or not any more");
    else response.writeHead(200, { "content-type": "application/octet-stream" }).end(content);
    return;
  }
  const answer = parts.dispatcher.answer({ method, path: pathname, query: searchParams, headers: request.headers, body });
  if (answer.delayMs > 0) {
    await new Promise((resolve) => {
      setTimeout(resolve, answer.delayMs);
    });
  }
  if (answer.cut === "atOnce" || (answer.cut === "halfway" && answer.body === "")) {
    request.socket.destroy();
    return;
  }
  response.writeHead(answer.status, {
    ...answer.headers,
    "content-type": answer.contentType,
    "content-length": Buffer.byteLength(answer.body),
    "x-amzn-requestid": answer.requestId,
  });
  if (answer.cut === "halfway") response.write(answer.body.slice(0, answer.body.length / 2), () => request.socket.destroy());
  else response.end(answer.body);
}
