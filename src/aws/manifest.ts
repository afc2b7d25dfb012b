import { z } from "zod";

/** What an image says of itself (OCI image specification; Docker's older forms have the same fields). */

export type Manifest =
  /** Of several images. `undescribed`: digests of those that do not say their platform. */
  | { readonly kind: "index"; readonly architectures: readonly string[]; readonly undescribed: readonly string[] }
  /** Of one image, whose configuration has this digest. */
  | { readonly kind: "image"; readonly config: string }
  /** A Helm chart, a signature, a document that is none of these. */
  | { readonly kind: "unknown" };

const platform = z.object({ os: z.string(), architecture: z.string() });
const index = z.object({
  manifests: z.array(
    z.object({ digest: z.string(), platform: platform.optional(), annotations: z.record(z.string(), z.string()).optional() }),
  ),
});
const image = z.object({ config: z.object({ digest: z.string().regex(/^sha256:[a-f0-9]{64}$/) }) });

/** BuildKit puts provenance beside the images, as entries of platform unknown/unknown with this annotation. */
const ATTESTATION = "vnd.docker.reference.type";

/** Reads a manifest's text. Architectures are Kubernetes' names too: both use Go's. Only linux counts. */
export function parseManifest(text: string): Manifest {
  const json = parseJson(text);
  const asIndex = index.safeParse(json);
  if (asIndex.success) {
    const images = asIndex.data.manifests.filter(({ annotations }) => annotations?.[ATTESTATION] === undefined);
    return {
      kind: "index",
      architectures: images.flatMap((entry) => (entry.platform === undefined ? [] : runnable(entry.platform))),
      undescribed: images.filter((entry) => entry.platform === undefined).map(({ digest }) => digest),
    };
  }
  const asImage = image.safeParse(json);
  return asImage.success ? { kind: "image", config: asImage.data.config.digest } : { kind: "unknown" };
}

/** The architecture that an image's configuration names; empty where it is none of linux. */
export function parseImageConfig(text: string): string[] {
  const config = platform.safeParse(parseJson(text));
  return config.success ? runnable(config.data) : [];
}

function runnable({ os, architecture }: z.output<typeof platform>): string[] {
  return os === "linux" && architecture !== "unknown" && architecture !== "" ? [architecture] : [];
}

/** Undefined: no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
