import { readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DeleteRepositoryCommand, ECRClient, ImageAlreadyExistsException, RepositoryNotFoundException } from "@aws-sdk/client-ecr";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { EmulatorAdmin } from "../../../emulator/admin-client.ts";
import { adminClient, startEnvironment, type Environment } from "../../../src/cli/environment.ts";
import { pushImage } from "../../../src/cli/image.ts";
import { condition, watchServices, type ServiceWatch } from "../../../src/cli/service-watch.ts";
import { AWS_TAGS, keyString, type ObjectKey } from "../../../src/crds/meta.ts";
import type { PlatformService } from "../../../src/crds/platform-service.ts";
import { resourceName } from "../../../src/kube/kinds.ts";
import { certificateName } from "../../../src/resources/mesh/app-mesh-tls.ts";
import { NO_LIMITS } from "../aws/operator-config.ts";
import { apiClient, type ApiAnswer, type ApiClient } from "../api-client.ts";
import { issue } from "../certificate.ts";
import { CHILD_KINDS } from "../child-kinds.ts";
import type { Json } from "../json-path.ts";
import { infoOf, repositoryOf } from "../platform.ts";
import { makeWaypoint, reportProgrammed } from "../waypoint.ts";
import { NAMESPACES } from "./memory-platform.ts";

/** A platform of its own for services that nobody would write, with all that they may hope for: images, certificates and a waypoint. */

const OPERATOR_CONFIG = join(import.meta.dirname, "../operator-config.yaml");
const object = z.record(z.string(), z.unknown());

export interface Child {
  readonly kind: string;
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly generation?: number;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
  };
  readonly spec?: unknown;
}

export class FuzzCluster {
  readonly #environment: Environment;
  readonly #api: ApiClient;
  readonly #ecr: ECRClient;
  readonly aws: EmulatorAdmin;
  readonly watch: ServiceWatch;
  readonly #given = new Set<string>();

  private constructor(environment: Environment) {
    this.#environment = environment;
    this.#api = apiClient(infoOf(environment));
    this.#ecr = new ECRClient(adminClient(environment.config, environment.emulator.url));
    this.aws = new EmulatorAdmin(environment.emulator.url);
    this.watch = watchServices(environment.plane.adminKubeconfig);
  }

  /** `more`: namespaces in no mesh but the usual one. */
  static async start(more: readonly string[]): Promise<FuzzCluster> {
    const configFile = join(tmpdir(), `fuzz-config-${String(process.pid)}.yaml`);
    // No sweep hides what a pass has left.
    const aws = { limits: NO_LIMITS, sweepInterval: "1h" };
    await writeFile(configFile, stringify({ ...object.parse(parse(await readFile(OPERATOR_CONFIG, "utf8"))), aws }));
    const cluster = new FuzzCluster(await startEnvironment({ configFile, log: () => undefined }));
    // The operator has read it.
    await rm(configFile);
    for (const [name, labels] of Object.entries({ ...Object.fromEntries(more.map((one) => [one, {}])), ...NAMESPACES })) {
      await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name, labels } });
    }
    const waypoint = { namespace: "in-ambient", name: "waypoint" };
    await makeWaypoint(cluster.kubectl, waypoint);
    await reportProgrammed(cluster.kubectl, waypoint, "True");
    return cluster;
  }

  get kubectl() {
    return this.#environment.plane.kubectl;
  }

  get operatorPid(): number {
    return this.#environment.operator.pid;
  }

  async apply(...objects: readonly object[]): Promise<void> {
    await this.kubectl(["apply", "-f", "-"], { input: JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }) });
  }

  /** As `kubectl create` sends it, which lets the API server refuse what it does not know. */
  create(namespace: string, service: Json): Promise<ApiAnswer> {
    return this.#api.send(
      "POST",
      `/apis/platform-operator.dev/v1alpha1/namespaces/${namespace}/platformservices?fieldValidation=Strict`,
      service,
    );
  }

  /** Gives services what they wait for and the platform does not do: once each. */
  async give(services: readonly PlatformService[]): Promise<void> {
    await eachOf(services, 6, async (service) => {
      const { namespace, name } = service.metadata;
      const repository = repositoryOf(service);
      const { tag } = service.spec.image;
      if (repository !== undefined && tag !== undefined && lacksImage(service) && this.#isFirst(`image ${keyString(service.metadata)}`)) {
        await this.#push(repository, tag);
      }
      if (lacksCertificate(service) && this.#isFirst(`certificate ${keyString(service.metadata)}`)) {
        await issue(this.kubectl, { namespace, name: certificateName({ namespace, name }) });
      }
    });
  }

  /** Whether `give` has something for it that it has not had. */
  waits(service: PlatformService): boolean {
    return lacksImage(service) || lacksCertificate(service);
  }

  /** Resolves when any service changes, or after a second. */
  nextChange(): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        unsubscribe();
        resolve();
      };
      const timer = setTimeout(done, 1_000);
      const unsubscribe = this.watch.subscribe(done);
    });
  }

  /** Deletes every service but these, and resolves when they are gone; a repository that holds a deletion up is emptied, as its squad would be told to. */
  async deleteAllBut(kept: readonly ObjectKey[], patienceMs: number): Promise<void> {
    const isKept = (key: ObjectKey): boolean => kept.some((one) => keyString(one) === keyString(key));
    const rest = (): readonly PlatformService[] => this.watch.list().filter(({ metadata }) => !isKept(metadata));
    const namespaces = new Set(rest().map(({ metadata }) => metadata.namespace));
    for (const namespace of namespaces) {
      const names = rest()
        .filter(({ metadata }) => metadata.namespace === namespace)
        .map(({ metadata }) => metadata.name);
      await this.kubectl(["delete", "psvc", "-n", namespace, "--wait=false", ...names]);
    }
    const deadline = Date.now() + patienceMs;
    while (rest().length > 0 && Date.now() < deadline) {
      const held = rest().filter(({ status }) => status?.conditions?.some(({ reason }) => reason === "RepositoryNotEmpty"));
      await eachOf(held, 6, async (service) => {
        const repositoryName = repositoryOf(service);
        if (repositoryName !== undefined && this.#isFirst(`empty ${repositoryName}`))
          await this.#ecr.send(new DeleteRepositoryCommand({ repositoryName, force: true }));
      });
      await this.nextChange();
    }
    const left = rest().map(
      ({ metadata, status }) => `${keyString(metadata)}: ${status?.conditions?.find(({ type }) => type === "Ready")?.message ?? ""}`,
    );
    if (left.length > 0) throw new Error(`not gone:\n${left.join("\n")}`);
  }

  #isFirst(what: string): boolean {
    return this.#given.size < this.#given.add(what).size;
  }

  async #push(repository: string, tag: string): Promise<void> {
    try {
      await pushImage(this.#ecr, { repository, tag, architectures: ["amd64", "arm64"] });
    } catch (error) {
      // Two services may have one repository, and the first of them may be gone.
      if (!(error instanceof ImageAlreadyExistsException || error instanceof RepositoryNotFoundException)) throw error;
    }
  }

  /** What services own in the cluster. */
  async children(): Promise<readonly Child[]> {
    const kinds = CHILD_KINDS.map(resourceName).join(",");
    const { items }: { readonly items: readonly Child[] } = JSON.parse(await this.kubectl(["get", kinds, "-A", "-o", "json"]));
    return items.filter(({ metadata }) => (metadata.ownerReferences ?? []).some(({ kind }) => kind === "PlatformService"));
  }

  /** What of AWS is tagged as a service's: `roles eu-west-1.demo.…` to the record, by service. */
  async awsObjects(): Promise<ReadonlyMap<string, ReadonlyMap<string, unknown>>> {
    const { roles, repositories, podIdentityAssociations, meshObjects, rulesNamespaces } = await this.aws.state();
    const tables: readonly (readonly [string, readonly (readonly [string, { readonly tags: Readonly<Record<string, string>> }])[]])[] =
      Object.entries({ roles, repositories, podIdentityAssociations, meshObjects, rulesNamespaces });
    const owned = new Map<string, Map<string, unknown>>();
    for (const [table, records] of tables) {
      for (const [id, record] of records) {
        const { [AWS_TAGS.namespace]: namespace, [AWS_TAGS.name]: name } = record.tags;
        if (namespace === undefined || name === undefined) continue;
        const key = keyString({ namespace, name });
        owned.set(key, (owned.get(key) ?? new Map()).set(`${table} ${id}`, record));
      }
    }
    return owned;
  }

  /** Lines of the operator's log that are errors. */
  async errors(): Promise<readonly string[]> {
    const lines = (await readFile(this.#environment.operator.logFile, "utf8")).split("\n");
    return lines.filter(
      (line) =>
        /"level":"(error|fatal)"|^\s+at |Unhandled|Error: /.test(line) &&
        !line.includes('"level":"info"') &&
        !line.includes('"level":"warn"'),
    );
  }

  async stop(): Promise<void> {
    this.#ecr.destroy();
    await this.#api.close();
    await this.watch.close();
    await this.#environment.stop();
  }
}

function lacksImage(service: PlatformService): boolean {
  return condition(service, "ImageResolved")?.reason === "ImageNotFound" && service.spec.image.tag !== undefined;
}

function lacksCertificate(service: PlatformService): boolean {
  return condition(service, "MeshSecurityReady")?.reason === "WaitingForCertificate";
}

/** Runs over all of them, so many at a time. */
export async function eachOf<T>(items: readonly T[], atOnce: number, act: (item: T) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await act(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
