/** Who may speak to a control plane: a token for each component, kubeconfigs, and the keys of ServiceAccount tokens. */
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Readable by the owner alone. */
const SECRET = { mode: 0o600 };

/** The users of the token file; kwok stands in for every kubelet, so it is an administrator too. */
const USERS = [
  { name: "admin", groups: ["system:masters"] },
  { name: "system:kube-controller-manager", groups: [] },
  { name: "system:kube-scheduler", groups: [] },
  { name: "kwok", groups: ["system:masters"] },
] as const;

export type UserName = (typeof USERS)[number]["name"];

export interface Credentials {
  readonly tokenFile: string;
  readonly serviceAccountKey: string;
  readonly serviceAccountPublicKey: string;
  readonly tokens: Readonly<Record<UserName, string>>;
}

/** Makes a control plane's secrets in `dir`. */
export async function makeCredentials(dir: string): Promise<Credentials> {
  const tokens = { admin: newToken(), "system:kube-controller-manager": newToken(), "system:kube-scheduler": newToken(), kwok: newToken() };
  const tokenFile = join(dir, "tokens.csv");
  await writeFile(tokenFile, USERS.map(({ name, groups }) => `${tokens[name]},${name},${name},"${groups.join(",")}"\n`).join(""), SECRET);

  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const serviceAccountKey = join(dir, "service-account.key");
  const serviceAccountPublicKey = join(dir, "service-account.pub");
  await writeFile(serviceAccountKey, privateKey.export({ type: "pkcs8", format: "pem" }), SECRET);
  await writeFile(serviceAccountPublicKey, publicKey.export({ type: "spki", format: "pem" }));
  return { tokenFile, serviceAccountKey, serviceAccountPublicKey, tokens };
}

/** Writes a kubeconfig that carries all it needs, so that it can be copied elsewhere; resolves to its path. */
export async function writeKubeconfig(options: {
  readonly file: string;
  readonly url: string;
  readonly caFile: string;
  readonly user: string;
  readonly token: string;
}): Promise<string> {
  const name = "platform-operator";
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    "current-context": name,
    clusters: [
      { name, cluster: { server: options.url, "certificate-authority-data": (await readFile(options.caFile)).toString("base64") } },
    ],
    users: [{ name: options.user, user: { token: options.token } }],
    contexts: [{ name, context: { cluster: name, user: options.user } }],
  };
  await writeFile(options.file, `${JSON.stringify(kubeconfig, undefined, 2)}\n`, SECRET);
  return options.file;
}

function newToken(): string {
  return randomBytes(24).toString("base64url");
}
