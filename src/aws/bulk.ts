import { paginateListRuleGroupsNamespaces, type AmpClient } from "@aws-sdk/client-amp";
import {
  paginateListRoutes,
  paginateListVirtualNodes,
  paginateListVirtualRouters,
  paginateListVirtualServices,
  type AppMeshClient,
} from "@aws-sdk/client-app-mesh";
import {
  DescribeRegistryCommand,
  GetRegistryScanningConfigurationCommand,
  paginateDescribeRepositories,
  type ECRClient,
} from "@aws-sdk/client-ecr";
import { paginateListPodIdentityAssociations, type EKSClient } from "@aws-sdk/client-eks";
import { paginateGetAccountAuthorizationDetails, type IAMClient } from "@aws-sdk/client-iam";
import { clusterId, rolePath, rulesNamespacePrefix, workspaceOf } from "../crds/aws-names.ts";
import type { ExistingRole } from "../crds/desired.ts";
import { appMeshOf } from "../crds/effective.ts";
import { AWS_TAGS } from "../crds/meta.ts";
import type { OperatorConfig } from "../crds/operator-config.ts";
import type {
  AssociationObserved,
  BulkReader,
  MeshObjectObserved,
  RepositoryObserved,
  RoleObserved,
  RulesNamespaceObserved,
} from "../reconcilers/ports.ts";
import { associatedWith, summarised } from "./association.ts";
import { existingRole } from "./existing-role.ts";
import { whereClass } from "./expected.ts";
import { nameOfRoute, summarisedObject } from "./mesh-objects.ts";
import { observedRepository } from "./repository.ts";
import { observedInBulk } from "./role-observation.ts";
import { summarisedRules } from "./rules-namespace.ts";

/** The most that each call gives a page. */
const ROLES_PER_PAGE = 1000;
const REPOSITORIES_PER_PAGE = 1000;
const ASSOCIATIONS_PER_PAGE = 100;
const RULES_NAMESPACES_PER_PAGE = 1000;

/** The sweep's reads: pages of a thousand instead of a call an object. */
export function bulkReader(
  clients: {
    readonly iam: IAMClient;
    readonly ecr: ECRClient;
    readonly eks: EKSClient;
    readonly appMesh: AppMeshClient;
    readonly amp: AmpClient;
  },
  config: OperatorConfig,
): BulkReader {
  return {
    async roles(names) {
      const ours = new Map<string, RoleObserved>();
      const existing = new Map<string, ExistingRole>();
      const pages = paginateGetAccountAuthorizationDetails({ client: clients.iam, pageSize: ROLES_PER_PAGE }, { Filter: ["Role"] });
      for await (const page of pages) {
        for (const detail of page.RoleDetailList ?? []) {
          const { RoleName: name = "" } = detail;
          if (names.has(name)) existing.set(name, existingRole(detail));
          if (detail.Path !== rolePath(config)) continue;
          const role = observedInBulk(detail);
          if (role.tags[AWS_TAGS.cluster] === clusterId(config)) ours.set(name, role);
        }
      }
      return { ours, existing };
    },

    async repositories(existing) {
      const found = new Map<string, RepositoryObserved>();
      for await (const page of paginateDescribeRepositories({ client: clients.ecr, pageSize: REPOSITORIES_PER_PAGE }, {})) {
        for (const repository of page.repositories ?? []) {
          const name = repository.repositoryName ?? "";
          if (name.startsWith(config.registry.repositoryPrefix) || existing.has(name)) found.set(name, observedRepository(repository));
        }
      }
      return found;
    },

    async associations() {
      const found = new Map<string, AssociationObserved>();
      const pages = paginateListPodIdentityAssociations(
        { client: clients.eks, pageSize: ASSOCIATIONS_PER_PAGE },
        { clusterName: config.cluster.name },
      );
      for await (const page of pages) {
        // One that has an owner belongs to an add-on: ours it is no longer.
        for (const one of page.associations ?? []) if (one.ownerArn === undefined) found.set(associatedWith(one), summarised(one));
      }
      return found;
    },

    async rulesNamespaces() {
      const workspace = workspaceOf(config);
      if (workspace === undefined) throw new Error("the configuration names no workspace");
      const found = new Map<string, RulesNamespaceObserved>();
      const pages = paginateListRuleGroupsNamespaces(
        { client: clients.amp, pageSize: RULES_NAMESPACES_PER_PAGE },
        { workspaceId: workspace.id, name: rulesNamespacePrefix(config) },
      );
      for await (const { ruleGroupsNamespaces = [] } of pages)
        for (const one of ruleGroupsNamespaces) found.set(`${workspace.id}/${one.name ?? ""}`, summarisedRules(one));
      return found;
    },

    async meshObjects(routers) {
      const { meshName } = appMeshOf(config);
      const paging = { client: clients.appMesh };
      const routes = new Map<string, MeshObjectObserved>();
      for (const virtualRouterName of routers) {
        const found = await inMesh(paginateListRoutes(paging, { meshName, virtualRouterName }), (page) => page.routes, nameOfRoute);
        for (const [name, route] of found) routes.set(name, route);
      }
      return {
        routes,
        virtualNodes: await inMesh(
          paginateListVirtualNodes(paging, { meshName }),
          (page) => page.virtualNodes,
          (one) => one.virtualNodeName,
        ),
        virtualRouters: await inMesh(
          paginateListVirtualRouters(paging, { meshName }),
          (page) => page.virtualRouters,
          (one) => one.virtualRouterName,
        ),
        virtualServices: await inMesh(
          paginateListVirtualServices(paging, { meshName }),
          (page) => page.virtualServices,
          (one) => one.virtualServiceName,
        ),
      };
    },

    async registry() {
      const { scanningConfiguration } = await clients.ecr.send(new GetRegistryScanningConfigurationCommand({}));
      const { replicationConfiguration } = await clients.ecr.send(new DescribeRegistryCommand({}));
      const scanned = (scanningConfiguration?.rules ?? []).filter(({ scanFrequency }) => scanFrequency !== "MANUAL");
      return {
        scanning: scanned.flatMap(({ repositoryFilters = [] }) => repositoryFilters.map(({ filter = "" }) => filter)),
        replication: (replicationConfiguration?.rules ?? []).flatMap(({ repositoryFilters = [] }) =>
          // A rule without filters is for every repository.
          repositoryFilters.length === 0 ? [""] : repositoryFilters.map(({ filter = "" }) => filter),
        ),
      };
    },
  };
}

/** Everything that a list of App Mesh has, by name. A mesh or a router that is not there has nothing. */
async function inMesh<Page, One extends Parameters<typeof summarisedObject>[0] & object>(
  pages: AsyncIterable<Page>,
  objectsOf: (page: Page) => readonly One[] | undefined,
  nameOf: (one: One) => string | undefined,
): Promise<ReadonlyMap<string, MeshObjectObserved>> {
  const found = new Map<string, MeshObjectObserved>();
  const reading = async (): Promise<void> => {
    for await (const page of pages) for (const one of objectsOf(page) ?? []) found.set(nameOf(one) ?? "", summarisedObject(one));
  };
  await whereClass("absent", reading());
  return found;
}
