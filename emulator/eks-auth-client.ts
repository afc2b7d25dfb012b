/** Calls EKS Auth as a node's Pod Identity Agent does. The npm registry has no client of that service. */
import { isRecord } from "./values.ts";

export interface PodIdentityRequest {
  /** The emulator's. */
  readonly url: string;
  readonly region: string;
  /** Of the node's role. */
  readonly accessKeyId: string;
  readonly clusterName: string;
  /** The pod's projected token for the audience pods.eks.amazonaws.com. */
  readonly token: string;
}

/** As SDK clients take them, and whose they are. */
export interface PodCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string;
  readonly expiration: Date;
  readonly assumedRoleArn: string;
}

/** The credentials of a pod. Rejects with an Error whose name is AWS's class. */
export async function assumeRoleForPodIdentity({
  url,
  region,
  accessKeyId,
  clusterName,
  token,
}: PodIdentityRequest): Promise<PodCredentials> {
  const day = new Date().toISOString().slice(0, 10).replaceAll("-", "");
  const scope = `${accessKeyId}/${day}/${region}/eks-auth/aws4_request`;
  const response = await fetch(`${url}/clusters/${encodeURIComponent(clusterName)}/assume-role-for-pod-identity`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      // Signatures are not verified by the emulator
      authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=${"0".repeat(64)}`,
    },
    body: JSON.stringify({ token }),
  });
  const answer: unknown = await response.json();
  if (!isRecord(answer)) throw new Error(`EKS Auth answered ${response.status} without an object`);
  if (!response.ok) {
    const error = new Error(String(answer["message"]));
    error.name = response.headers.get("x-amzn-errortype") ?? `Http${response.status}`;
    throw error;
  }
  const { credentials, assumedRoleUser } = answer;
  if (!isRecord(credentials) || !isRecord(assumedRoleUser)) throw new Error("EKS Auth answered without credentials");
  return {
    accessKeyId: String(credentials["accessKeyId"]),
    secretAccessKey: String(credentials["secretAccessKey"]),
    sessionToken: String(credentials["sessionToken"]),
    expiration: new Date(Number(credentials["expiration"]) * 1000),
    assumedRoleArn: String(assumedRoleUser["arn"]),
  };
}
