/** A pod's service account token for credentials of the role that is associated with it. */
import { AwsFault, badRequest } from "../../errors.ts";
import { write, type Call } from "../../operation.ts";
import type { Cluster } from "../../options.ts";
import type { PodIdentityAssociationRecord, RoleRecord, Tags } from "../../records.ts";
import { isRecord } from "../../values.ts";
import { POD_IDENTITY_SERVICE } from "../eks/associated-role.ts";
import { associationKey, clusterArn, findCluster } from "../eks/shared.ts";
import { openSession, roleByArn } from "../sts/session.ts";
import { isTrusted } from "../sts/trust.ts";
import { readWebIdentity, verifySignature, type WebIdentity } from "../sts/web-identity.ts";

export interface AssumeRoleForPodIdentityRequest {
  readonly clusterName: string;
  /** A service account token for the audience pods.eks.amazonaws.com. */
  readonly token: string;
}

export interface AssumeRoleForPodIdentityResponse {
  readonly subject: { readonly namespace: string; readonly serviceAccount: string };
  readonly audience: string;
  readonly podIdentityAssociation: { readonly associationArn: string; readonly associationId: string };
  readonly assumedRoleUser: { readonly arn: string; readonly assumeRoleId: string };
  readonly credentials: {
    readonly accessKeyId: string;
    readonly secretAccessKey: string;
    readonly sessionToken: string;
    readonly expiration: Date;
  };
}

const SIX_HOURS_SECONDS = 6 * 3600;
const LONGEST_SESSION_NAME = 64; // of STS

function invalidToken(sentence: string): Error {
  return badRequest("InvalidTokenException", sentence);
}

interface Pod {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly name: string;
  readonly uid: string;
}

/** Whose token it is, once everything that does not depend on the role is verified. */
function verifiedPod(identity: WebIdentity, cluster: Cluster, call: Call): Pod {
  const { issuer, subject, audiences, expiresAt, notBefore, kubernetes } = identity;
  const now = Math.floor(call.now / 1000);
  if (expiresAt <= now) throw badRequest("ExpiredTokenException", `The token expired at ${expiresAt}; it is ${now}`);
  if (notBefore !== undefined && notBefore > now) throw invalidToken("The token is not valid yet");
  if (issuer !== cluster.oidcIssuer) throw invalidToken(`The issuer ${issuer} is not that of cluster ${cluster.name}`);
  if (!audiences.includes(POD_IDENTITY_SERVICE)) throw invalidToken(`The audience must be ${POD_IDENTITY_SERVICE}`);
  const keys = call.oidcIssuerKeys[issuer];
  call.note("emulator:SignatureVerified", String(keys !== undefined));
  if (keys !== undefined) verifySignature(identity, keys, invalidToken);
  else if (call.switches.unverifiedWebIdentity === "refuse") {
    throw invalidToken(`The emulator has no keys of ${issuer}; give them as oidcIssuerKeys`);
  }
  const [, namespace, serviceAccount] = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(subject) ?? [];
  if (namespace === undefined || serviceAccount === undefined) throw invalidToken(`${subject} is not a service account`);
  const pod: Readonly<Record<string, unknown>> = isRecord(kubernetes["pod"]) ? kubernetes["pod"] : {};
  const { name, uid } = pod;
  if (typeof name !== "string" || typeof uid !== "string") throw invalidToken("The token is not bound to a pod");
  return { namespace, serviceAccount, name, uid };
}

/** https://docs.aws.amazon.com/eks/latest/userguide/pod-id-abac.html */
function sessionTags(pod: Pod, cluster: string, call: Call): Tags {
  return {
    "eks-cluster-arn": clusterArn(call, cluster),
    "eks-cluster-name": cluster,
    "kubernetes-namespace": pod.namespace,
    "kubernetes-service-account": pod.serviceAccount,
    "kubernetes-pod-name": pod.name,
    "kubernetes-pod-uid": pod.uid,
  };
}

function isAssumable(role: RoleRecord, tags: Tags, { sessionName, call }: { sessionName: string; call: Call }): boolean {
  const keys = new Map<string, readonly string[]>([
    ["sts:rolesessionname", [sessionName]],
    ["aws:sourceaccount", [call.accountId]],
    ...Object.entries(tags).map(([key, value]) => [`aws:requesttag/${key}`, [value]] as const),
    ...(Object.keys(tags).length > 0 ? [["aws:tagkeys", Object.keys(tags)] as const] : []),
  ]);
  const asking = { kind: "Service", names: [POD_IDENTITY_SERVICE] } as const;
  const actions = Object.keys(tags).length > 0 ? ["sts:AssumeRole", "sts:TagSession"] : ["sts:AssumeRole"];
  return actions.every((action) => isTrusted(role.trustPolicy, { action, asking, keys }));
}

/** Throws ResourceNotFoundException: also for an association of a moment ago, when the call lags. */
function associationOf({ namespace, serviceAccount }: Pod, clusterName: string, { store }: Call): PodIdentityAssociationRecord {
  const associations = store.podIdentityAssociations;
  for (const { id, ...each } of associations.committed()) {
    if (each.clusterName !== clusterName || each.namespace !== namespace || each.serviceAccount !== serviceAccount) continue;
    const seen = associations.get(associationKey(clusterName, id));
    if (seen !== undefined) return seen;
  }
  const sentence = `Service account ${namespace}/${serviceAccount} of cluster ${clusterName} has no Pod Identity association`;
  throw new AwsFault("ResourceNotFoundException", 404, sentence);
}

export const assumeRoleForPodIdentity = write<AssumeRoleForPodIdentityRequest, AssumeRoleForPodIdentityResponse>(
  "AssumeRoleForPodIdentity",
  {
    permissions: ({ clusterName }, call) => [{ action: "eks-auth:AssumeRoleForPodIdentity", resource: clusterArn(call, clusterName) }],
    handle({ clusterName, token }, call) {
      const cluster = findCluster(clusterName, call);
      const pod = verifiedPod(readWebIdentity(token, invalidToken), cluster, call);
      const { arn, id, roleArn, disableSessionTags, policy } = associationOf(pod, clusterName, call);
      const role = roleByArn(roleArn, call);
      const tags = disableSessionTags ? {} : sessionTags(pod, clusterName, call);
      const unique = Buffer.from(call.randomBytes(8)).toString("hex");
      const sessionName = `eks-${clusterName}-${pod.name}`.slice(0, LONGEST_SESSION_NAME - unique.length - 1) + `-${unique}`;
      if (role === undefined || !isAssumable(role, tags, { sessionName, call })) {
        throw badRequest("AccessDeniedException", "Unauthorized Exception! EKS does not have permissions to assume the associated role.");
      }
      const seconds = Math.min(SIX_HOURS_SECONDS, role.maxSessionDuration);
      const { session, secret } = openSession({ role, sessionName, seconds, policy, tags }, call);
      return {
        subject: { namespace: pod.namespace, serviceAccount: pod.serviceAccount },
        audience: POD_IDENTITY_SERVICE,
        podIdentityAssociation: { associationArn: arn, associationId: id },
        assumedRoleUser: { arn: session.assumedRoleArn, assumeRoleId: `${role.roleId}:${sessionName}` },
        credentials: {
          accessKeyId: session.accessKeyId,
          secretAccessKey: secret,
          sessionToken: session.token,
          expiration: new Date(session.expiresAt),
        },
      };
    },
  },
);
