import { AmpClient } from "@aws-sdk/client-amp";
import { AppMeshClient } from "@aws-sdk/client-app-mesh";
import { ECRClient } from "@aws-sdk/client-ecr";
import { EKSClient } from "@aws-sdk/client-eks";
import { IAMClient } from "@aws-sdk/client-iam";
import { STSClient } from "@aws-sdk/client-sts";
import { workspaceOf } from "../crds/aws-names.ts";
import { FIELD_MANAGER } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type { Fence } from "../reconcilers/ports.ts";
import { putFence } from "./fence.ts";
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
}

export interface AwsClientOptions {
  /** Of the operator, for the user agent. */
  readonly version: string;
  readonly clock: Clock;
  readonly observer: RequestObserver;
  /** Asked before every call but those to STS; default: nothing is held back. */
  readonly fence?: Fence;
  /** Default: the SDK's own chain (IRSA, environment, instance). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string; readonly sessionToken?: string };
}

/** A healthy connection takes milliseconds; longer means a black hole. */
const CONNECTION_TIMEOUT_MS = 3_000;
/** IAM's slowest calls take a few seconds. */
const REQUEST_TIMEOUT_MS = 15_000;
/** STS is asked once at start and for the demo's proofs. */
const STS_PER_SECOND = 5;

/** One client a service, each behind its own rate. */
export function createClients(config: OperatorConfig, options: AwsClientOptions): AwsClients {
  const { endpoint, limits } = config.aws;
  const shared = () => ({
    region: config.cluster.region,
    retryStrategy: new Retries(),
    requestHandler: {
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // Without it the SDK only warns and waits on.
      throwOnRequestTimeout: true,
    },
    customUserAgent: [[FIELD_MANAGER, options.version]] satisfies [string, string][],
    ...(endpoint !== null && { endpoint }),
    ...(options.credentials && { credentials: options.credentials }),
  });
  const clients: AwsClients = {
    iam: new IAMClient(shared()),
    ecr: new ECRClient(shared()),
    eks: new EKSClient(shared()),
    appMesh: new AppMeshClient(shared()),
    // Where the workspace is.
    amp: new AmpClient({ ...shared(), region: workspaceOf(config)?.region ?? config.cluster.region }),
    sts: new STSClient(shared()),
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
  const { fence } = options;
  // Who we are may be asked by anybody, so STS is not among them.
  if (fence) {
    for (const client of [clients.iam, clients.ecr, clients.eks, clients.appMesh, clients.amp])
      putFence(fence, client.config.requestHandler);
  }
  return clients;
}
