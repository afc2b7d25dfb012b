import { createHash } from "node:crypto";
import { AwsError } from "../reconcilers/ports.ts";
import { toAwsError } from "./errors.ts";

/** Downloads of image configurations, from where ECR says they lie: bounded, and believed only by their digest. */

/** An image's configuration has a few kilobytes; megabytes are no configuration. */
const MAX_BYTES = 4 * 1024 * 1024;
const TIMEOUT_MS = 15_000;
const OPERATION = "ecr:DownloadLayer";

/** The blob's text. Throws AwsError: `unreachable`, or `invalid` where it is too large or not what its digest says. */
export async function downloadBlob(url: string, digest: string): Promise<string> {
  const bytes = await fetchBounded(url);
  const actual = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  if (actual !== digest)
    throw refused("DigestMismatch", `the configuration ${digest} of the image came back as ${actual}; push the image again`);
  return bytes.toString("utf8");
}

async function fetchBounded(url: string): Promise<Buffer> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!answer.ok)
      throw Object.assign(new Error(`status ${answer.status}`), { name: "DownloadError", $metadata: { httpStatusCode: answer.status } });
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of answer.body ?? []) {
      size += chunk.byteLength;
      if (size > MAX_BYTES)
        throw refused("BlobTooLarge", `the image's configuration is larger than ${MAX_BYTES} bytes; push another image`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } catch (error) {
    throw toAwsError(error, OPERATION);
  }
}

function refused(code: string, message: string): AwsError {
  return new AwsError({ class: "invalid", code, operation: OPERATION, message });
}
