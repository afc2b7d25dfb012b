/** Reads and verifies web identity tokens (JWT, RS256 and ES256, as Kubernetes and EKS sign them). */
import { createPublicKey, verify } from "node:crypto";
import type { JsonWebKeySet } from "../../options.ts";
import { isRecord } from "../../values.ts";

export interface WebIdentity {
  /** With `https://`. */
  readonly issuer: string;
  readonly subject: string;
  readonly audiences: readonly string[];
  /** Seconds since 1970. */
  readonly expiresAt: number;
  readonly notBefore: number | undefined;
  /** Other claims that are one text, for condition keys. */
  readonly claims: Readonly<Record<string, string>>;
  /** The claim `kubernetes.io`: the pod and service account the token was made for. */
  readonly kubernetes: Readonly<Record<string, unknown>>;
  readonly header: { readonly alg: string; readonly kid: string | undefined };
  readonly signed: { readonly content: string; readonly signature: Uint8Array };
}

/** The error for a token that is refused, in the words of the service that was asked. */
export type InvalidToken = (sentence: string) => Error;

function decode(part: string, invalid: InvalidToken): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString());
    if (isRecord(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw invalid("The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)");
}

/** Throws `invalid` for what is no token. */
export function readWebIdentity(token: string, invalid: InvalidToken): WebIdentity {
  const [head = "", body = "", signature = ""] = token.split(".");
  const header = decode(head, invalid);
  const claims = decode(body, invalid);
  const { iss, sub, aud, exp, nbf } = claims;
  if (typeof iss !== "string") throw invalid("Missing a required claim: iss");
  if (typeof sub !== "string") throw invalid("Missing a required claim: sub");
  if (typeof exp !== "number") throw invalid("Missing a required claim: exp");
  const list: unknown[] = Array.isArray(aud) ? aud : [aud];
  const audiences = list.filter((item) => typeof item === "string");
  if (audiences.length === 0) throw invalid("Missing a required claim: aud");
  return {
    issuer: iss.startsWith("https://") ? iss : `https://${iss}`,
    subject: sub,
    audiences,
    expiresAt: exp,
    notBefore: typeof nbf === "number" ? nbf : undefined,
    claims: Object.fromEntries(Object.entries(claims).filter((entry): entry is [string, string] => typeof entry[1] === "string")),
    kubernetes: isRecord(claims["kubernetes.io"]) ? claims["kubernetes.io"] : {},
    header: { alg: String(header["alg"]), kid: typeof header["kid"] === "string" ? header["kid"] : undefined },
    signed: { content: `${head}.${body}`, signature: Buffer.from(signature, "base64url") },
  };
}

const ALGORITHMS: Readonly<Record<string, { readonly hash: string; readonly ecdsa: boolean }>> = {
  RS256: { hash: "sha256", ecdsa: false },
  RS384: { hash: "sha384", ecdsa: false },
  RS512: { hash: "sha512", ecdsa: false },
  ES256: { hash: "sha256", ecdsa: true },
  ES384: { hash: "sha384", ecdsa: true },
};

/** Throws `invalid` unless one of the keys signed the token. */
export function verifySignature({ header, signed }: WebIdentity, { keys }: JsonWebKeySet, invalid: InvalidToken): void {
  const algorithm = ALGORITHMS[header.alg];
  if (algorithm === undefined) throw invalid(`The token is signed with ${header.alg}, which is not supported`);
  const candidates = keys.filter(({ kid }) => header.kid === undefined || kid === undefined || kid === header.kid);
  const fits = candidates.some((jwk) => {
    const key = createPublicKey({ key: jwk, format: "jwk" });
    const input = algorithm.ecdsa ? ({ key, dsaEncoding: "ieee-p1363" } as const) : key;
    return verify(algorithm.hash, Buffer.from(signed.content), input, signed.signature);
  });
  if (!fits)
    throw invalid(
      "Couldn't retrieve verification key from your identity provider, please reference AssumeRoleWithWebIdentity documentation for requirements",
    );
}
