import { z } from "zod";
import { KEPT_TAG_PREFIX } from "../aws-names.ts";
import { rules, text } from "../fields.ts";

/** `spec.image`: the ECR repository that is made, and the image of it that runs. */

/** ECR's own grammar (CreateRepository, repositoryName). */
const REPOSITORY = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;

const retain = z.strictObject({
  taggedImages: z
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe(
      "Number of tagged images to keep; the oldest beyond it expire, but never one that runs. Default 100. Keep more than you may roll back to.",
    ),
  untaggedDays: z
    .int()
    .min(1)
    .max(365)
    .optional()
    .describe("Days after which an untagged image expires. Default 14. One that has run by its digest counts as tagged from then on."),
});

export const image = z
  .strictObject({
    repository: text({
      pattern: REPOSITORY,
      says: "image.repository must be an ECR repository name: lower-case words joined by . _ __ or -, in parts separated by /, as dispatch/matching",
      min: 2,
      max: 256,
    })
      .optional()
      .describe(
        'Name of the ECR repository, without registry and account, as dispatch/matching. It must start with "<namespace>/", unless others own it. ' +
          "Beside repositoryMode Existing it is the whole name; else the platform may put a prefix of the cluster before it. Default: <namespace>/<name>. Immutable: a repository cannot be renamed.",
      ),
    repositoryMode: z
      .enum(["Own", "Existing"])
      .optional()
      .describe(
        "Own: the repository is made and kept for this service. Existing: others own it, as Terraform or another cluster of the account; it is verified " +
          "and used, never changed or deleted. Which a namespace may use, the operator's configuration says. Default: the configuration's (registry.mode).",
      ),
    tag: text({
      pattern: /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/,
      says: "image.tag must be an image tag: letters, digits, _ . and -, not beginning with . or -, as 1.4.2",
      max: 128,
    })
      .optional()
      .describe(
        'Tag of the image to run, as "1.4.2" (quote it: YAML reads 1.10 as a number). Tags are immutable in the repository; the tag is resolved ' +
          "to a digest once, and pods run the digest. Either tag or digest; with neither, everything but the workload is made.",
      ),
    digest: text({
      pattern: /^sha256:[a-f0-9]{64}$/,
      says: "image.digest must be sha256: and 64 hexadecimal digits in lower case, as docker push prints it",
      min: 71,
      max: 71,
    })
      .optional()
      .describe("Digest of the image to run, as sha256:9f86d0… with 64 hexadecimal digits. Either tag or digest."),
    retain: retain.optional().describe("Which images the repository's lifecycle policy keeps."),
    deletionPolicy: z
      .enum(["Retain", "Delete", "DeleteWithImages"])
      .default("Retain")
      .describe(
        "What becomes of the repository when this PlatformService is deleted. Retain keeps it with its images; Delete removes it only if it is " +
          "empty, and holds the deletion otherwise; DeleteWithImages removes it whatever it holds.",
      ),
  })
  .meta(
    rules(
      {
        rule: "!has(self.tag) || !has(self.digest)",
        message: "image.tag and image.digest exclude each other: keep the one that names the image to run and remove the other",
        reason: "FieldValueForbidden",
        fieldPath: ".digest",
      },
      {
        rule: `!has(self.tag) || !self.tag.startsWith('${KEPT_TAG_PREFIX}')`,
        message: `image.tag must not begin with ${KEPT_TAG_PREFIX}: the operator puts such tags on images that run; name a tag of your own, or the digest`,
        reason: "FieldValueInvalid",
        fieldPath: ".tag",
      },
      {
        rule: "!has(self.repositoryMode) || self.repositoryMode != 'Existing' || self.deletionPolicy == 'Retain'",
        message:
          "image.deletionPolicy must be Retain where image.repositoryMode is Existing, since the repository is its owner's to delete: remove deletionPolicy, or repositoryMode for a repository of the service's own",
        reason: "FieldValueForbidden",
        fieldPath: ".deletionPolicy",
      },
      {
        rule: "!has(self.repositoryMode) || self.repositoryMode != 'Existing' || !has(self.retain)",
        message:
          "image.retain and image.repositoryMode Existing exclude each other, since its owner says what a repository keeps: remove retain, or repositoryMode for a repository of the service's own",
        reason: "FieldValueForbidden",
        fieldPath: ".retain",
      },
      {
        rule: "has(self.repository) == has(oldSelf.repository) && (!has(self.repository) || self.repository == oldSelf.repository)",
        message:
          "image.repository is immutable: put back its earlier value (or leave it out, if it was), or delete this PlatformService and apply it again with the new one",
        reason: "FieldValueInvalid",
        fieldPath: ".repository",
      },
    ),
  );
