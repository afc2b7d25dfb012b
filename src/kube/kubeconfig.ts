import { KubeConfig } from "@kubernetes/client-node";

/** Of that file; undefined: in a pod its own, else as KUBECONFIG or the user's default has it. */
export function loadKubeConfig(file: string | undefined): KubeConfig {
  const kubeConfig = new KubeConfig();
  if (file === undefined) kubeConfig.loadFromDefault();
  else kubeConfig.loadFromFile(file);
  return kubeConfig;
}
