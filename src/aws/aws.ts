import { GetCallerIdentityCommand } from "@aws-sdk/client-sts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type { Aws, RequestSigner } from "../reconcilers/ports.ts";
import { associationResource } from "./association.ts";
import { bulkReader } from "./bulk.ts";
import { createClients, type AwsClientOptions } from "./clients.ts";
import { existingRoles } from "./existing-role.ts";
import { imageReader } from "./images.ts";
import { imageKeeper } from "./kept-images.ts";
import { meshResources } from "./mesh-objects.ts";
import { existingRepositories, repositoryResource } from "./repository.ts";
import { roleResource } from "./role.ts";
import { rulesNamespaceResource } from "./rules-namespace.ts";
import { requestSigner } from "./sign.ts";

/** Everything of AWS that the operator uses, behind its ports. */
export interface AwsConnection extends Aws {
  /** Who AWS says we are; throws AwsError. */
  caller(): Promise<{ readonly account: string; readonly arn: string }>;
  /** With the same credentials, for an API of AWS that the SDK has no client for; `service` is its signing name. */
  signer(service: string, region: string): RequestSigner;
  /** Closes the idle connections. */
  close(): void;
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
    async caller() {
      const { Account = "", Arn = "" } = await clients.sts.send(new GetCallerIdentityCommand());
      return { account: Account, arn: Arn };
    },
    signer(service, region) {
      const { credentials, sha256 } = clients.sts.config;
      return requestSigner({ service, region, credentials, sha256 });
    },
    close() {
      for (const client of Object.values(clients)) client.destroy();
    },
  };
}
