import { AmpClient } from "@aws-sdk/client-amp";
import { AppMeshClient } from "@aws-sdk/client-app-mesh";
import { ECRClient } from "@aws-sdk/client-ecr";
import { EKSClient } from "@aws-sdk/client-eks";
import { IAMClient } from "@aws-sdk/client-iam";
import { STSClient } from "@aws-sdk/client-sts";
import { UndiciHttpHandler } from "@smithy/undici-http-handler";
import { Agent } from "undici";
import { workspaceOf } from "../crds/aws-names.ts";
import { FIELD_MANAGER } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import { fenced } from "../http/fenced.ts";
import type { Fence } from "../reconcilers/ports.ts";
import { instrument, type RequestObserver } from "./instrument.ts";
import { Retries } from "./retries.ts";
import { perSecondOf, TokenBucket, type Clock } from "./token-bucket.ts";

export interface AwsClients {
  readonly iam: IAMClient;
  readonly ecr: ECRClient;
  readonly eks: EKSClient;
  readonly appMesh: AppMeshClient;
  readonly amp: AmpClient;
  readonly sts: STSClient;
  /** Ends their connections, and with them what is on its way. Never `destroy` a client: what it sends after that goes by undici's global dispatcher, past the fence. */
  close(): Promise<void>;
}

export interface AwsClientOptions {
  /** Of the operator, for the user agent. */
  readonly version: string;
  readonly clock: Clock;
  readonly observer: RequestObserver;
  /** Asked before every call but those of `sts`; default: nothing is held back. */
  readonly fence?: Fence;
  /** Default: the SDK's own chain (IRSA, environment, instance). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
}

/** A healthy connection takes milliseconds; longer means a black hole. */
const CONNECTION_TIMEOUT_MS = 3_000;
/** IAM's slowest calls take a few seconds. */
const ANSWER_TIMEOUT_MS = 15_000;
/** To one endpoint; the SDK's own handler has as many. */
const CONNECTIONS = 50;
/** STS is asked once at start and for the demo's proofs. */
const STS_PER_SECOND = 5;

/** One client a service, each behind its own rate. */
export function createClients(config: OperatorConfig, options: AwsClientOptions): AwsClients {
  const { endpoint, limits } = config.aws;
  const agent = new Agent({
    connections: CONNECTIONS,
    pipelining: 1,
    allowH2: false,
    connect: { timeout: CONNECTION_TIMEOUT_MS },
    headersTimeout: ANSWER_TIMEOUT_MS,
    bodyTimeout: ANSWER_TIMEOUT_MS,
  });
  // Who we are may be asked by anybody, so STS is behind no fence. To all else reads and writes are the same: who may not write has nothing to read for.
  const unfenced = new UndiciHttpHandler({ dispatcher: agent });
  const requestHandler = options.fence ? new UndiciHttpHandler({ dispatcher: agent.compose(fenced(options.fence)) }) : unfenced;
  const shared = () => ({
    region: config.cluster.region,
    retryStrategy: new Retries(),
    requestHandler,
    customUserAgent: [[FIELD_MANAGER, options.version]] satisfies [string, string][],
    ...(endpoint !== null && { endpoint }),
    ...(options.credentials && { credentials: options.credentials }),
  });
  const clients: Omit<AwsClients, "close"> = {
    iam: new IAMClient(shared()),
    ecr: new ECRClient(shared()),
    eks: new EKSClient(shared()),
    appMesh: new AppMeshClient(shared()),
    // Where the workspace is.
    amp: new AmpClient({ ...shared(), region: workspaceOf(config)?.region ?? config.cluster.region }),
    sts: new STSClient({ ...shared(), requestHandler: unfenced }),
  };
  const behind = (service: string, perSecond: number) => ({
    ...options,
    service,
    bucket: new TokenBucket({ perSecond, clock: options.clock }),
  });
  instrument(clients.iam.middlewareStack, behind("iam", perSecondOf(limits.iam)));
  instrument(clients.ecr.middlewareStack, behind("ecr", perSecondOf(limits.ecr)));
  instrument(clients.eks.middlewareStack, behind("eks", perSecondOf(limits.eks)));
  instrument(clients.appMesh.middlewareStack, behind("appmesh", perSecondOf(limits.appmesh)));
  instrument(clients.amp.middlewareStack, behind("aps", perSecondOf(limits.aps)));
  instrument(clients.sts.middlewareStack, behind("sts", STS_PER_SECOND));
  return { ...clients, close: () => agent.destroy() };
}
