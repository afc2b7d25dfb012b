import { createHash } from "node:crypto";
import { isRecord } from "../../values.ts";
import { invalidParameter } from "./shared.ts";

/** What ECR reads in an image's manifest or in an index of images. */
export type Manifest = {
  readonly digest: string;
  readonly mediaType: string;
  readonly artifactMediaType: string | undefined;
  readonly subject: string | undefined;
} & (
  | { readonly kind: "image"; readonly blobs: readonly { readonly digest: string; readonly size: number }[] }
  | { readonly kind: "index"; readonly images: readonly string[] }
);

const INDEX_TYPES: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
]);
const IMAGE_TYPES: ReadonlySet<string> = new Set([
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
]);

function refuse(constraint: string): never {
  throw invalidParameter(`Invalid parameter at 'ImageManifest' failed to satisfy constraint: '${constraint}'`);
}

function descriptor(value: unknown): { digest: string; size: number } {
  if (!isRecord(value) || typeof value["digest"] !== "string" || typeof value["size"] !== "number") {
    return refuse("a descriptor needs a digest and a size");
  }
  return { digest: value["digest"], size: value["size"] };
}

function descriptors(value: unknown, member: string): { digest: string; size: number }[] {
  return Array.isArray(value) ? value.map(descriptor) : refuse(`Invalid JSON syntax: ${member} must be a list`);
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Reads a manifest; its digest is that of the text as sent. Throws InvalidParameterException. */
export function readManifest(manifest: string, statedType: string | undefined): Manifest {
  let document: unknown;
  try {
    document = JSON.parse(manifest);
  } catch (error) {
    if (error instanceof SyntaxError) return refuse("Invalid JSON syntax");
    throw error;
  }
  if (!isRecord(document) || document["schemaVersion"] !== 2) return refuse("schemaVersion must be 2");
  const ownType = text(document["mediaType"]);
  if (statedType !== undefined && ownType !== undefined && statedType !== ownType) {
    return refuse(`the manifest's media type ${ownType} is not the request's ${statedType}`);
  }
  const guessed =
    document["manifests"] === undefined ? "application/vnd.oci.image.manifest.v1+json" : "application/vnd.oci.image.index.v1+json";
  const mediaType = statedType ?? ownType ?? guessed;
  const subject = isRecord(document["subject"]) ? descriptor(document["subject"]).digest : undefined;
  const digest = `sha256:${createHash("sha256").update(manifest).digest("hex")}`;
  if (INDEX_TYPES.has(mediaType)) {
    const images = descriptors(document["manifests"], "manifests").map((image) => image.digest);
    return { kind: "index", digest, mediaType, artifactMediaType: text(document["artifactType"]), subject, images };
  }
  if (!IMAGE_TYPES.has(mediaType)) return refuse(`the media type ${mediaType} is not supported`);
  const { config } = document;
  const blobs = [descriptor(config), ...descriptors(document["layers"], "layers")];
  const artifactMediaType = text(document["artifactType"]) ?? (isRecord(config) ? text(config["mediaType"]) : undefined);
  return { kind: "image", digest, mediaType, artifactMediaType, subject, blobs };
}
