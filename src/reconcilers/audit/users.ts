import { keyString, type ObjectKey } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { repositoryUri } from "../../resources/ecr/repository.ts";
import type { Holding } from "./holdings.ts";

/** What in the cluster uses an object in AWS though no service does: what `kubectl delete --cascade=orphan` left, or what a squad made by itself. */

/** A pod, by the little that tells. */
export interface PodUse {
  readonly key: ObjectKey;
  /** The service that it is labelled as of. */
  readonly service: string | undefined;
  /** Of every container and init container. */
  readonly images: readonly string[];
}

/** A ServiceAccount, the same. */
export interface AccountUse {
  readonly key: ObjectKey;
  readonly service: string | undefined;
  /** eks.amazonaws.com/role-arn. */
  readonly roleArn: string | undefined;
}

export interface Uses {
  readonly pods: readonly PodUse[];
  readonly accounts: readonly AccountUse[];
}

/** Undefined: nothing that pods and ServiceAccounts show. */
export function userOf(
  { kind, name, arn }: Holding,
  owner: ObjectKey,
  { pods, accounts }: Uses,
  config: OperatorConfig,
): string | undefined {
  const left = pods.find((pod) => pod.key.namespace === owner.namespace && pod.service === owner.name);
  if (left) return `pod ${keyString(left.key)} of it still runs`;
  const account = accounts.find(({ key, service }) => key.namespace === owner.namespace && service === owner.name);
  if (account) return `ServiceAccount ${keyString(account.key)} is left of it`;
  if (kind === "Role") {
    const user = accounts.find(({ roleArn }) => roleArn === arn);
    return user && `ServiceAccount ${keyString(user.key)} names the role`;
  }
  if (kind !== "Repository") return undefined;
  const uri = repositoryUri(name, config);
  const user = pods.find(({ images }) => images.some((image) => image.startsWith(`${uri}@`) || image.startsWith(`${uri}:`)));
  return user && `pod ${keyString(user.key)} runs an image of it`;
}
