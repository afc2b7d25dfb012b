import type { OperatorConfig } from "../../src/crds/operator-config.ts";

/** A ServiceAccount's token as EKS would have issued it: the API server of the tests has an issuer of its own, and the emulator has the keys of none. */
export function asIssuedByEks(token: string, { cluster }: OperatorConfig): string {
  const [head = "", body = "", signature = ""] = token.split(".");
  const claims: object = JSON.parse(Buffer.from(body, "base64url").toString());
  const issued = JSON.stringify({ ...claims, iss: cluster.oidcIssuer });
  return [head, Buffer.from(issued).toString("base64url"), signature].join(".");
}
