import type { Identified } from "./desired.ts";

/** What a service has in AWS App Mesh, in the words of App Mesh's own API; only what the builders write. */

/** One object of the mesh. */
export interface MeshObjectDesired<Spec> extends Identified {
  readonly spec: Spec;
  readonly tags: Readonly<Record<string, string>>;
}

export type VirtualNodeDesired = MeshObjectDesired<VirtualNodeSpec>;
export type VirtualRouterDesired = MeshObjectDesired<VirtualRouterSpec>;
export type VirtualServiceDesired = MeshObjectDesired<VirtualServiceSpec>;

/** Its name is `router/route`, since a route's own is unique in its router alone. */
export type MeshRouteDesired = MeshObjectDesired<MeshRouteSpec>;

export type MeshProtocol = "http" | "http2" | "grpc" | "tcp";

export interface MeshDuration {
  readonly unit: "ms" | "s";
  /** 0: no limit. */
  readonly value: number;
}

export interface VirtualNodeSpec {
  readonly serviceDiscovery?: { readonly dns: { readonly hostname: string; readonly responseType: "ENDPOINTS" } };
  readonly listeners: readonly MeshListener[];
  readonly backends: readonly { readonly virtualService: MeshBackend }[];
  readonly logging: { readonly accessLog: { readonly file: { readonly path: string } } };
}

export interface MeshListener {
  readonly portMapping: PortMapping;
  readonly timeout?: ListenerTimeout;
  readonly outlierDetection?: {
    readonly maxServerErrors: number;
    readonly interval: MeshDuration;
    readonly baseEjectionDuration: MeshDuration;
    readonly maxEjectionPercent: number;
  };
  readonly connectionPool?: ConnectionPool;
  readonly tls?: {
    readonly mode: "STRICT" | "PERMISSIVE";
    readonly certificate: { readonly file: CertificateFiles };
    readonly validation?: TlsValidation;
  };
}

export interface PortMapping {
  readonly port: number;
  readonly protocol: MeshProtocol;
}

export type ListenerTimeout = { readonly http: RequestTimeout } | { readonly http2: RequestTimeout } | { readonly grpc: RequestTimeout };

export interface RequestTimeout {
  readonly perRequest: MeshDuration;
  readonly idle?: MeshDuration;
}

export type ConnectionPool =
  | { readonly http: { readonly maxConnections: number; readonly maxPendingRequests: number } }
  | { readonly http2: { readonly maxRequests: number } }
  | { readonly grpc: { readonly maxRequests: number } }
  | { readonly tcp: { readonly maxConnections: number } };

export interface MeshBackend {
  readonly virtualServiceName: string;
  readonly clientPolicy?: {
    readonly tls: {
      readonly enforce: boolean;
      readonly certificate: { readonly file: CertificateFiles };
      readonly validation: TlsValidation;
    };
  };
}

/** Paths in Envoy's container. */
export interface CertificateFiles {
  readonly certificateChain: string;
  readonly privateKey: string;
}

export interface TlsValidation {
  readonly trust: { readonly file: { readonly certificateChain: string } };
  readonly subjectAlternativeNames: { readonly match: { readonly exact: readonly string[] } };
}

export interface VirtualRouterSpec {
  readonly listeners: readonly { readonly portMapping: PortMapping }[];
}

export interface VirtualServiceSpec {
  readonly provider: { readonly virtualRouter: { readonly virtualRouterName: string } };
}

/** Exactly one of the four: that of the listener's protocol. */
export interface MeshRouteSpec {
  /** 0 is tried first. */
  readonly priority: number;
  readonly httpRoute?: HttpMeshRoute;
  readonly http2Route?: HttpMeshRoute;
  readonly grpcRoute?: GrpcMeshRoute;
  readonly tcpRoute?: { readonly action: MeshRouteAction };
}

export interface MeshRouteAction {
  readonly weightedTargets: readonly { readonly virtualNode: string; readonly weight: number }[];
}

interface RequestRoute {
  readonly action: MeshRouteAction;
  readonly timeout: RequestTimeout;
  readonly retryPolicy: MeshRetryPolicy;
}

export interface HttpMeshRoute extends RequestRoute {
  readonly match: HttpMeshMatch;
}

export interface GrpcMeshRoute extends RequestRoute {
  readonly match: GrpcMeshMatch;
}

export interface MeshRetryPolicy {
  /** After the first try. */
  readonly maxRetries: number;
  /** Of each try, the first too. */
  readonly perRetryTimeout: MeshDuration;
  readonly httpRetryEvents?: readonly HttpRetryEvent[];
  readonly tcpRetryEvents?: readonly "connection-error"[];
}

export type HttpRetryEvent = "server-error" | "gateway-error" | "client-error" | "stream-error";

export interface HttpMeshMatch {
  /** Of characters, not of segments. */
  readonly prefix?: string;
  readonly path?: { readonly exact: string } | { readonly regex: string };
  readonly method?: HttpMethod;
  readonly headers?: readonly HeaderMatch[];
}

export type HttpMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "CONNECT" | "TRACE";

export interface GrpcMeshMatch {
  readonly serviceName?: string;
  readonly methodName?: string;
  readonly metadata?: readonly HeaderMatch[];
}

export interface HeaderMatch {
  readonly name: string;
  readonly match: { readonly exact: string } | { readonly prefix: string } | { readonly regex: string };
}
