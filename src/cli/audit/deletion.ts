import { keyString } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { isRetained } from "../../crds/aws-names.ts";
import { claimsOf, isLeaving } from "../../reconcilers/audit/claims.ts";
import { isSeen, type Finding } from "../../reconcilers/audit/findings.ts";
import { lookAt, resourcesOf, type ClusterReader } from "../../reconcilers/audit/survey.ts";
import { userOf } from "../../reconcilers/audit/users.ts";
import { AwsError, type Aws } from "../../reconcilers/ports.ts";
import type { Planned } from "./plan.ts";

/**
 * Deletes one object at a time, by the code of the finalizer, which reads whose it is right before. Right before that the services are read again, all of them: whoever came
 * back meanwhile keeps what is theirs.
 */

export interface Deletion {
  readonly finding: Finding;
  readonly result: "deleted" | "deleting" | "kept" | "failed";
  /** Why it is not deleted. */
  readonly message: string | undefined;
}

export interface DeletionContext {
  readonly aws: Aws;
  readonly cluster: ClusterReader;
  readonly config: OperatorConfig;
  /** The cluster may be without any service. */
  readonly despiteFewServices: boolean;
}

export async function deleteOne({ finding, images }: Planned, context: DeletionContext): Promise<Deletion> {
  const { kind, name, service } = finding;
  const of = (result: Deletion["result"], message?: string): Deletion => ({ finding, result, message });
  if (service === undefined) return of("kept", "it is not said whose it was");
  try {
    const objection = await objectionTo({ finding, images }, context);
    if (objection !== undefined) return of("kept", objection);
    const removal = await resourcesOf(context.aws)[kind].delete({ name, owner: service, force: images > 0 });
    switch (removal.state) {
      case "gone":
        return of("deleted");
      case "deleting":
        return of("deleting", "AWS is at it");
      case "foreign":
        return of("kept", "its tags are others' now");
      case "blocked":
        return of("kept", removal.message);
      default:
        return removal satisfies never;
    }
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    return of("failed", `${error.operation}: ${error.code}: ${error.message}`);
  }
}

/** What has changed since the plan was made; undefined: nothing. Throws KubeError: who cannot read the services deletes nothing. */
async function objectionTo(
  { finding, images }: Planned,
  { aws, cluster, config, despiteFewServices }: DeletionContext,
): Promise<string | undefined> {
  const { state, kind, name, arn, service: owner } = finding;
  if (owner === undefined) return "it is not said whose it was";
  const now = await lookAt(resourcesOf(aws), kind, { name, owner });
  if (now.state !== "present") return now.state === "absent" ? "it is gone already" : "its tags are others' now";
  if (isRetained(now.tags ?? {}) !== (state === "Retained")) return "whether it is kept on purpose has changed";
  if (kind === "Repository" && images > 0 && (await aws.imageCount(name)) !== images) return "its images have changed";
  const user = userOf({ kind, name, arn, tags: now.tags }, owner, await cluster.uses(owner), config);
  if (user !== undefined) return user;
  // Last of all: from here on it is AWS's own check of the tags that stands between a service that is made now and the deletion.
  const services = await cluster.services();
  if (!despiteFewServices && !services.some((one) => isSeen(one) && !isLeaving(one))) return "the cluster has no service any more";
  const claims = claimsOf(services, await cluster.namespaceLabels(), config);
  if (claims.service(owner) !== undefined) return `PlatformService ${keyString(owner)} exists now`;
  const holder = claims.holder(kind, name);
  return holder && `PlatformService ${keyString(holder)} uses it now`;
}
