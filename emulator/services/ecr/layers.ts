import { createHash } from "node:crypto";
import type {
  BatchCheckLayerAvailabilityRequest,
  BatchCheckLayerAvailabilityResponse,
  CompleteLayerUploadRequest,
  CompleteLayerUploadResponse,
  GetDownloadUrlForLayerRequest,
  GetDownloadUrlForLayerResponse,
  InitiateLayerUploadRequest,
  InitiateLayerUploadResponse,
  LayerFailure,
  UploadLayerPartRequest,
  UploadLayerPartResponse,
} from "@aws-sdk/client-ecr";
import { read, write, type Call, type Operation } from "../../operation.ts";
import type { Upload } from "../../state.ts";
import { ecrFault } from "./schema.ts";
import { findRepository, invalidParameter, onRepository, putRepository } from "./shared.ts";

const PART_SIZE = 10 * 1024 * 1024; // what ECR tells clients to send
const DIGEST = /^sha256:[0-9a-f]{64}$/;
const LAYER_MEDIA_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip";

function newUploadId(call: Call): string {
  const hex = Buffer.from(call.randomBytes(16)).toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}

function findUpload(uploadId: string, repository: string, { store, accountId }: Call): Upload {
  const upload = store.uploads.get(uploadId);
  if (upload?.repository === repository) return upload;
  const where = `the repository with name '${repository}' in the registry with id '${accountId}'`;
  throw ecrFault("UploadNotFoundException", `An upload with id '${uploadId}' does not exist in ${where}`);
}

const initiateLayerUpload = write<InitiateLayerUploadRequest, InitiateLayerUploadResponse>("InitiateLayerUpload", {
  permissions: ({ repositoryName }, call) => onRepository("InitiateLayerUpload", repositoryName, call),
  handle(request, call) {
    const { name } = findRepository(request, call);
    const uploadId = newUploadId(call);
    call.store.uploads.set(uploadId, { repository: name, parts: [], size: 0 });
    return { uploadId, partSize: PART_SIZE };
  },
});

const uploadLayerPart = write<UploadLayerPartRequest, UploadLayerPartResponse>("UploadLayerPart", {
  permissions: ({ repositoryName }, call) => onRepository("UploadLayerPart", repositoryName, call),
  handle(request, call) {
    const { name } = findRepository(request, call);
    const { uploadId, partFirstByte, partLastByte, layerPartBlob } = request;
    const upload = findUpload(uploadId, name, call);
    if (partFirstByte !== upload.size || partLastByte - partFirstByte + 1 !== layerPartBlob.length) {
      const sentence = `The layer part of upload '${uploadId}' must begin at byte ${upload.size} and be as long as its first and last byte say`;
      throw ecrFault("InvalidLayerPartException", sentence);
    }
    if (upload.parts.length >= call.quotas.layerPartsPerUpload) {
      throw ecrFault("LimitExceededException", `An upload can have at most ${call.quotas.layerPartsPerUpload} parts`);
    }
    call.store.uploads.set(uploadId, { ...upload, parts: [...upload.parts, layerPartBlob], size: upload.size + layerPartBlob.length });
    return { registryId: call.accountId, repositoryName: name, uploadId, lastByteReceived: partLastByte };
  },
});

const completeLayerUpload = write<CompleteLayerUploadRequest, CompleteLayerUploadResponse>("CompleteLayerUpload", {
  permissions: ({ repositoryName }, call) => onRepository("CompleteLayerUpload", repositoryName, call),
  handle(request, call) {
    const repository = findRepository(request, call);
    const { uploadId, layerDigests } = request;
    const { parts, size } = findUpload(uploadId, repository.name, call);
    if (size === 0) throw ecrFault("EmptyUploadException", `The upload '${uploadId}' has no layer parts`);
    if (parts.slice(0, -1).some((part) => part.length < call.quotas.smallestLayerPartBytes)) {
      throw ecrFault("LayerPartTooSmallException", `All parts but the last must have at least ${call.quotas.smallestLayerPartBytes} bytes`);
    }
    const content = Buffer.concat(parts);
    const layerDigest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
    if (!layerDigests.includes(layerDigest)) {
      throw ecrFault("InvalidLayerException", `The layer has digest ${layerDigest}, which is none of ${layerDigests.join(", ")}`);
    }
    if (repository.layers[layerDigest] !== undefined) {
      const where = `the repository with name '${repository.name}' in registry with id '${call.accountId}'`;
      throw ecrFault("LayerAlreadyExistsException", `Layer with digest '${layerDigest}' already exists in ${where}`);
    }
    call.store.uploads.delete(uploadId);
    call.store.blobs.set(layerDigest, content);
    putRepository({ ...repository, layers: { ...repository.layers, [layerDigest]: size } }, call);
    return { registryId: call.accountId, repositoryName: repository.name, uploadId, layerDigest };
  },
});

const batchCheckLayerAvailability = read<BatchCheckLayerAvailabilityRequest, BatchCheckLayerAvailabilityResponse>(
  "BatchCheckLayerAvailability",
  {
    permissions: ({ repositoryName }, call) => onRepository("BatchCheckLayerAvailability", repositoryName, call),
    handle(request, call) {
      const { layers } = findRepository(request, call);
      const failures = request.layerDigests
        .filter((digest) => !DIGEST.test(digest))
        .map((layerDigest): LayerFailure => {
          const failureReason = "Invalid layer digest. Digest must be of the form 'sha256:<digest>'";
          return { layerDigest, failureCode: "InvalidLayerDigest", failureReason };
        });
      const known = request.layerDigests.filter((digest) => DIGEST.test(digest));
      return {
        layers: known.map((layerDigest) => {
          const layerSize = layers[layerDigest];
          if (layerSize === undefined) return { layerDigest, layerAvailability: "UNAVAILABLE" };
          return { layerDigest, layerAvailability: "AVAILABLE", layerSize, mediaType: LAYER_MEDIA_TYPE };
        }),
        failures,
      };
    },
  },
);

const getDownloadUrlForLayer = read<GetDownloadUrlForLayerRequest, GetDownloadUrlForLayerResponse>("GetDownloadUrlForLayer", {
  permissions: ({ repositoryName }, call) => onRepository("GetDownloadUrlForLayer", repositoryName, call),
  handle(request, call) {
    const { layerDigest } = request;
    const { layers, name } = findRepository(request, call);
    if (!DIGEST.test(layerDigest)) {
      throw invalidParameter("Invalid parameter at 'layerDigest' failed to satisfy constraint: 'must be of the form sha256:<digest>'");
    }
    if (layers[layerDigest] === undefined) {
      const where = `the repository with name '${name}' in the registry with id '${call.accountId}'`;
      throw ecrFault("LayersNotFoundException", `The layer with digest '${layerDigest}' does not exist in ${where}`);
    }
    return { downloadUrl: call.layerUrl(layerDigest), layerDigest };
  },
});

export const LAYER_OPERATIONS: readonly Operation[] = [
  initiateLayerUpload,
  uploadLayerPart,
  completeLayerUpload,
  batchCheckLayerAvailability,
  getDownloadUrlForLayer,
];
