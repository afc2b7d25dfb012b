import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type { Aws, RequestSigner } from "../reconcilers/ports.ts";
import { associationResource, associationTags } from "./association.ts";
import { bulkReader } from "./bulk.ts";
import { createClients, type AwsClientOptions } from "./clients.ts";
import { existingRoles } from "./existing-role.ts";
import { countImages, imageReader } from "./images.ts";
import { imageKeeper } from "./kept-images.ts";
import { meshObjectTags, meshResources } from "./mesh-objects.ts";
import { existingRepositories, repositoryResource, repositoryTags } from "./repository.ts";
import { roleResource } from "./role.ts";
import { rulesNamespaceResource } from "./rules-namespace.ts";
import { requestSigner } from "./sign.ts";

/** Everything of AWS that the operator uses, behind its ports. */
export interface AwsConnection extends Aws {
  /** Who AWS says we are; throws AwsError. */
  caller(): Promise<{ readonly account: string; readonly arn: string }>;
  /** With the same credentials, for an API of AWS that the SDK has no client for; `service` is its signing name. */
  signer(service: string, region: string): RequestSigner;
  /** As AwsClients'. */
  close(): Promise<void>;
}

/** Connects nothing yet: the first call does. */
export function createAws(config: OperatorConfig, options: AwsClientOptions): AwsConnection {
  const clients = createClients(config, options);
  return {
    roles: roleResource(clients.iam, config),
    existingRoles: existingRoles(clients.iam),
    repositories: repositoryResource(clients.ecr, config),
    existingRepositories: existingRepositories(clients.ecr),
    associations: associationResource(clients.eks, config),
    rulesNamespaces: rulesNamespaceResource(clients.amp, config),
    mesh: meshResources(clients.appMesh, config),
    images: imageReader(clients.ecr),
    imageKeeper: imageKeeper(clients.ecr),
    bulk: bulkReader(clients, config),
    tags: {
      repository: (arn) => repositoryTags(clients.ecr, arn),
      association: (id) => associationTags(clients.eks, { clusterName: config.cluster.name, associationId: id }),
      meshObject: (arn) => meshObjectTags(clients.appMesh, arn),
    },
    imageCount: (repository) => countImages(clients.ecr, repository),
    async caller() {
      const { Account = "", Arn = "" } = await clients.sts.send(new GetCallerIdentityCommand());
      return { account: Account, arn: Arn };
    },
    signer(service, region) {
      const { credentials, sha256 } = clients.sts.config;
      return requestSigner({ service, region, credentials, sha256 });
    },
    close: () => clients.close(),
  };
}
