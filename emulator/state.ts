import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type {
  InstanceProfileRecord,
  MeshObjectRecord,
  OidcProviderRecord,
  PodIdentityAssociationRecord,
  PolicyRecord,
  RegistryRecord,
  RepositoryRecord,
  RoleRecord,
  RulesNamespaceRecord,
  SessionRecord,
  WorkspaceRecord,
} from "./records.ts";
import { MemoryTable, type Lag, type Moment, type Table } from "./table.ts";

interface Records {
  roles: RoleRecord;
  policies: PolicyRecord;
  instanceProfiles: InstanceProfileRecord;
  oidcProviders: OidcProviderRecord;
  sessions: SessionRecord;
  repositories: RepositoryRecord;
  registries: RegistryRecord;
  podIdentityAssociations: PodIdentityAssociationRecord;
  meshObjects: MeshObjectRecord;
  workspaces: WorkspaceRecord;
  rulesNamespaces: RulesNamespaceRecord;
}

const TABLES = [
  "roles",
  "policies",
  "instanceProfiles",
  "oidcProviders",
  "sessions",
  "repositories",
  "registries",
  "podIdentityAssociations",
  "meshObjects",
  "workspaces",
  "rulesNamespaces",
] as const satisfies (keyof Records)[];

/** A layer upload under way. Not kept in the state file: a client starts it again. */
export interface Upload {
  readonly repository: string;
  readonly parts: readonly Uint8Array[];
  readonly size: number;
}

/** All tables as one call sees them. */
export type Store = { readonly [K in keyof Records]: Table<Records[K]> } & {
  /** Layer contents by digest, shared by all repositories. */
  readonly blobs: Map<string, Uint8Array>;
  readonly uploads: Map<string, Upload>;
};

/** How a call sees the tables: in full, or late. */
export type Sight = { readonly kind: "full" } | { readonly kind: "lagging" | "laggingCreation"; readonly lag: Lag };

type Snapshot = { readonly [K in keyof Records]: [string, Records[K]][] };

interface StateFile {
  readonly format: 3;
  readonly accountId: string;
  readonly region: string;
  readonly tables: Snapshot;
  readonly blobs: [string, string][];
}

/** Everything the emulator remembers; optionally mirrored to a file, written whole and renamed a moment after each change. */
export class State {
  readonly #tables: { readonly [K in keyof Records]: MemoryTable<Records[K]> };
  readonly #blobs = new Map<string, Uint8Array>();
  readonly #uploads = new Map<string, Upload>();
  readonly #identity: { readonly accountId: string; readonly region: string };
  readonly #file: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { accountId: string; region: string; stateFile?: string | undefined }) {
    const changed = (): void => this.#scheduleSave();
    this.#identity = { accountId: options.accountId, region: options.region };
    this.#file = options.stateFile;
    this.#tables = {
      roles: new MemoryTable(changed),
      policies: new MemoryTable(changed),
      instanceProfiles: new MemoryTable(changed),
      oidcProviders: new MemoryTable(changed),
      sessions: new MemoryTable(changed),
      repositories: new MemoryTable(changed),
      registries: new MemoryTable(changed),
      podIdentityAssociations: new MemoryTable(changed),
      meshObjects: new MemoryTable(changed),
      workspaces: new MemoryTable(changed),
      rulesNamespaces: new MemoryTable(changed),
    };
    this.#load();
  }

  store(moment: Moment, sight: Sight): Store {
    const see = <V>(table: MemoryTable<V>): Table<V> => {
      if (sight.kind === "lagging") return table.lagging(moment, sight.lag);
      if (sight.kind === "laggingCreation") return table.laggingCreation(moment, sight.lag);
      return table.at(moment);
    };
    const tables = this.#tables;
    return {
      roles: see(tables.roles),
      policies: see(tables.policies),
      instanceProfiles: see(tables.instanceProfiles),
      oidcProviders: see(tables.oidcProviders),
      sessions: see(tables.sessions),
      repositories: see(tables.repositories),
      registries: see(tables.registries),
      podIdentityAssociations: see(tables.podIdentityAssociations),
      meshObjects: see(tables.meshObjects),
      workspaces: see(tables.workspaces),
      rulesNamespaces: see(tables.rulesNamespaces),
      blobs: this.#blobs,
      uploads: this.#uploads,
    };
  }

  /** The tables as JSON, without layer contents. */
  snapshot(): Snapshot {
    const tables = this.#tables;
    return {
      roles: tables.roles.dump(),
      policies: tables.policies.dump(),
      instanceProfiles: tables.instanceProfiles.dump(),
      oidcProviders: tables.oidcProviders.dump(),
      sessions: tables.sessions.dump(),
      repositories: tables.repositories.dump(),
      registries: tables.registries.dump(),
      podIdentityAssociations: tables.podIdentityAssociations.dump(),
      meshObjects: tables.meshObjects.dump(),
      workspaces: tables.workspaces.dump(),
      rulesNamespaces: tables.rulesNamespaces.dump(),
    };
  }

  /** The content of a layer. */
  layer(digest: string): Uint8Array | undefined {
    return this.#blobs.get(digest);
  }

  reset(): void {
    for (const name of TABLES) this.#tables[name].restore([]);
    this.#blobs.clear();
    this.#uploads.clear();
    this.#scheduleSave();
  }

  /** Writes the state file now, if there is one and something changed. */
  flush(): void {
    if (this.#timer === undefined || this.#file === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const blobs = [...this.#blobs].map(([digest, bytes]) => [digest, Buffer.from(bytes).toString("base64")] as [string, string]);
    const content: StateFile = { format: 3, ...this.#identity, tables: this.snapshot(), blobs };
    mkdirSync(dirname(this.#file), { recursive: true });
    const temporary = `${this.#file}.${process.pid}.tmp`;
    writeFileSync(temporary, JSON.stringify(content));
    renameSync(temporary, this.#file);
  }

  #scheduleSave(): void {
    if (this.#file === undefined || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => this.flush(), 50);
    this.#timer.unref();
  }

  #load(): void {
    if (this.#file === undefined) return;
    let text: string;
    try {
      text = readFileSync(this.#file, "utf8");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return;
      throw error;
    }
    const content: StateFile = JSON.parse(text);
    const { accountId, region } = this.#identity;
    if (content.format !== 3) throw new Error(`${this.#file} is of another version of the emulator; remove it`);
    if (content.accountId !== accountId || content.region !== region) {
      throw new Error(`${this.#file} is of account ${content.accountId} in ${content.region}; remove it or start with those`);
    }
    this.#tables.roles.restore(content.tables.roles);
    this.#tables.policies.restore(content.tables.policies);
    this.#tables.instanceProfiles.restore(content.tables.instanceProfiles);
    this.#tables.oidcProviders.restore(content.tables.oidcProviders);
    this.#tables.sessions.restore(content.tables.sessions);
    this.#tables.repositories.restore(content.tables.repositories);
    this.#tables.registries.restore(content.tables.registries);
    this.#tables.podIdentityAssociations.restore(content.tables.podIdentityAssociations);
    this.#tables.meshObjects.restore(content.tables.meshObjects);
    this.#tables.workspaces.restore(content.tables.workspaces);
    this.#tables.rulesNamespaces.restore(content.tables.rulesNamespaces);
    for (const [digest, bytes] of content.blobs) this.#blobs.set(digest, Buffer.from(bytes, "base64"));
  }
}
