import type { EffectiveService } from "../crds/effective.ts";
import { LABELS, MANAGED_BY } from "../crds/meta.ts";

/** Labels of what a service owns. Nothing is copied from the PlatformService's own labels: Argo CD prunes what carries its tracking label. */

export type Labels = Readonly<Record<string, string>>;

/** What every child carries. */
export function childLabels(service: EffectiveService): Labels {
  return {
    [LABELS.name]: service.key.name,
    [LABELS.managedBy]: MANAGED_BY,
    [LABELS.service]: service.key.name,
    [LABELS.owner]: service.owner,
    [LABELS.tier]: service.spec.tier,
  };
}

/** What selects the pods of its own Deployment: never changes in a service's life, since a Deployment's selector cannot. */
export function deploymentSelector(service: EffectiveService): Labels {
  return { [LABELS.name]: service.key.name, [LABELS.service]: service.key.name };
}

/** What selects the service's pods, whatever makes them. */
export function selectorLabels(service: EffectiveService): Labels {
  return service.broughtPods ? { [LABELS.service]: service.key.name } : deploymentSelector(service);
}

/** What every pod of its own Deployment carries, beside the mesh's own (templateLabels in deployment.ts has both). Policies of others select on these. */
export function podLabels(service: EffectiveService): Labels {
  return childLabels(service);
}

/** The same of pods of a workload that its squad brings, where well-known labels are the squad's. */
export function broughtPodLabels(service: EffectiveService): Labels {
  return { [LABELS.service]: service.key.name, [LABELS.owner]: service.owner, [LABELS.tier]: service.spec.tier };
}
