import type { KubeObject } from "../../crds/desired.ts";
import type { EffectiveService, MeshProvider } from "../../crds/effective.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import type { NetworkFacts } from "../facts.ts";
import type { Labels } from "../labels.ts";
import type { NetworkRules } from "../network/rules.ts";

/** What a service mesh asks of the objects of a service; one file a mesh implements it. */
export interface Mesh {
  readonly provider: MeshProvider;
  /** Every kind that `security` and `traffic` may return: what the API server must serve. */
  readonly apis: readonly { readonly apiVersion: string; readonly kind: string }[];
  /** The container that makes a pod part of the mesh; undefined where none does. */
  readonly sidecarContainer: string | undefined;
  /** What must be there before a pod starts: mutual TLS, and who may call by identity. */
  security(service: EffectiveService, config: OperatorConfig, facts: NetworkFacts): readonly KubeObject[];
  /** Routes, limits and ways out. */
  traffic(service: EffectiveService, config: OperatorConfig): readonly KubeObject[];
  podLabels(config: OperatorConfig): Labels;
  podAnnotations(config: OperatorConfig): Labels;
  /** What the mesh's own machinery needs of the network. */
  network(service: EffectiveService, config: OperatorConfig): NetworkRules;
  /** The name by which callers reach the service. */
  host(service: EffectiveService, config: OperatorConfig): string;
}
