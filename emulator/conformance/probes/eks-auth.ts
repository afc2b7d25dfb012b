/** A pod's token for its role's credentials; no other emulator has it. */
import assert from "node:assert/strict";
import { CreatePodIdentityAssociationCommand } from "@aws-sdk/client-eks";
import { PutRolePolicyCommand } from "@aws-sdk/client-iam";
import { DescribeRepositoriesCommand, ECRClient } from "@aws-sdk/client-ecr";
import { assumeRoleForPodIdentity, type PodCredentials } from "../../eks-auth-client.ts";
import { podRole, podTrust, repository, unsignedToken } from "../fixtures.ts";
import { probesOf, refused, type Probe, type Target } from "../probe.ts";
import { OIDC_ISSUER } from "../targets.ts";

interface Associated {
  readonly roleName: string;
  readonly namespace: string;
  readonly serviceAccount: string;
}

async function associated(target: Target, trust?: (namespace: string) => string, more: object = {}): Promise<Associated> {
  const [namespace, serviceAccount] = [target.unique("namespace"), "app"];
  const roleArn = await podRole(target, trust?.(namespace));
  await target.eks.send(
    new CreatePodIdentityAssociationCommand({ clusterName: target.cluster, namespace, serviceAccount, roleArn, ...more }),
  );
  return { roleName: roleArn.slice(roleArn.lastIndexOf("/") + 1), namespace, serviceAccount };
}

function assume(target: Target, { namespace, serviceAccount }: Associated, claims: object = {}): Promise<PodCredentials> {
  const token = unsignedToken({
    iss: OIDC_ISSUER,
    sub: `system:serviceaccount:${namespace}:${serviceAccount}`,
    aud: ["pods.eks.amazonaws.com"],
    exp: Math.floor(Date.now() / 1000) + 3600,
    "kubernetes.io": { namespace, pod: { name: "app-0", uid: "1f0c" }, serviceaccount: { name: serviceAccount, uid: "2f0c" } },
    ...claims,
  });
  const { url, region, cluster: clusterName } = target;
  return assumeRoleForPodIdentity({ url, region, accessKeyId: "AKIAADMIN", clusterName, token });
}

function refusedWith(code: string, claims: object): Probe["run"] {
  return async (target) => refused(code, assume(target, await associated(target), claims));
}

export const EKS_AUTH_PROBES: readonly Probe[] = probesOf("eks-auth", "AssumeRoleForPodIdentity", {
  "gives a pod the rights of its role, and the pod's tags as its own": async (target) => {
    const pod = await associated(target);
    const name = await repository(target, { tags: [{ Key: "owner", Value: pod.namespace }] });
    const Condition = { StringEquals: { "aws:ResourceTag/owner": "${aws:PrincipalTag/kubernetes-namespace}" } };
    const statement = { Effect: "Allow", Action: "ecr:DescribeRepositories", Resource: "*", Condition };
    const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
    await target.iam.send(new PutRolePolicyCommand({ RoleName: pod.roleName, PolicyName: "p", PolicyDocument }));
    const { assumedRoleArn, expiration, ...credentials } = await assume(target, pod);
    assert.match(assumedRoleArn, new RegExp(`^arn:aws:sts::${target.accountId}:assumed-role/${pod.roleName}/eks-${target.cluster}-app-0-`));
    assert.ok(expiration.getTime() > Date.now());
    const ecr = new ECRClient({ endpoint: target.url, region: target.region, credentials, maxAttempts: 1 });
    await ecr.send(new DescribeRepositoriesCommand({ repositoryNames: [name] }));
    const theirs = new DescribeRepositoriesCommand({ repositoryNames: [await repository(target)] });
    await refused("AccessDeniedException", ecr.send(theirs), /assumed-role/);
  },
  "lets in the pod that the trust policy's tags name": async (target) => {
    const trust = (namespace: string): string => podTrust({ StringEquals: { "aws:RequestTag/kubernetes-namespace": namespace } });
    await assume(target, await associated(target, trust));
  },
  "refuses a pod whose tags the trust policy does not name": async (target) => {
    const trust = (): string => podTrust({ StringEquals: { "aws:RequestTag/kubernetes-namespace": "elsewhere" } });
    await refused("AccessDeniedException", assume(target, await associated(target, trust)), /does not have permissions to assume/);
  },
  "without session tags, a trust policy that asks for them refuses": async (target) => {
    const trust = (namespace: string): string => podTrust({ StringEquals: { "aws:RequestTag/kubernetes-namespace": namespace } });
    await refused("AccessDeniedException", assume(target, await associated(target, trust, { disableSessionTags: true })));
  },
  "refuses a service account without an association": async (target) => {
    const pod = await associated(target);
    await refused("ResourceNotFoundException", assume(target, { ...pod, serviceAccount: "other" }));
  },
  "refuses a cluster that is not there": async (target) => {
    await refused("ResourceNotFoundException", assume({ ...target, cluster: "missing" }, await associated(target)));
  },
  "refuses another cluster's issuer": refusedWith("InvalidTokenException", { iss: "https://unknown.example.com" }),
  "refuses another audience": refusedWith("InvalidTokenException", { aud: ["sts.amazonaws.com"] }),
  "refuses a token that is not bound to a pod": refusedWith("InvalidTokenException", { "kubernetes.io": {} }),
  "refuses an expired token": refusedWith("ExpiredTokenException", { exp: 1_000_000_000 }),
});
