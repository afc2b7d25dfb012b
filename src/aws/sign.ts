import { SignatureV4, type SignatureV4CryptoInit, type SignatureV4Init } from "@smithy/signature-v4";
import type { RequestSigner } from "../reconcilers/ports.ts";

/** Signs requests to APIs of AWS that no client of the SDK is for, as Prometheus' own in Amazon Managed Service for Prometheus (signing name `aps`). */
export function requestSigner(
  init: Pick<SignatureV4Init & SignatureV4CryptoInit, "service" | "region" | "credentials" | "sha256">,
): RequestSigner {
  const signer = new SignatureV4(init);
  return async ({ method, url, headers, body }) => {
    const { protocol, hostname, pathname } = url;
    const signed = await signer.sign({ method, protocol, hostname, path: pathname, headers: { ...headers }, body });
    return signed.headers;
  };
}
