import type { KubeObject } from "../crds/desired.ts";
import type { EffectiveService } from "../crds/effective.ts";
import { childLabels, type Labels } from "./labels.ts";

/** Tells Argo CD not to refresh an application each time that this object's status moves. */
export const IGNORE_RESOURCE_UPDATES = { "argocd.argoproj.io/ignore-resource-updates": "true" } as const;

export interface ChildParts {
  readonly apiVersion: string;
  readonly kind: string;
  /** Default: the service's name. */
  readonly name?: string;
  /** Beside those that every child carries. */
  readonly labels?: Labels;
  readonly annotations?: Readonly<Record<string, string>>;
  /** Everything beside metadata: spec and the like. */
  readonly body: Readonly<Record<string, unknown>>;
}

/** A child of the service, with the labels that every child carries. The ownerReference is added when it is applied. */
export function childObject(service: EffectiveService, { apiVersion, kind, name, labels, annotations, body }: ChildParts): KubeObject {
  return {
    apiVersion,
    kind,
    metadata: {
      name: name ?? service.key.name,
      namespace: service.key.namespace,
      labels: { ...labels, ...childLabels(service) },
      ...(annotations && { annotations }),
    },
    ...body,
  };
}
