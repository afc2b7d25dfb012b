/**
 * Makes emulator/models/constraints.generated.json: the lengths, patterns and enums of every request of the services that the
 * emulator has, from the service models of a pinned botocore (PyPI, Apache-2.0). `--check` needs no network: it verifies that the committed table is what this
 * script wrote, from the pinned version, and that its required members agree with the schemas of the installed SDK clients.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { disagreementsWithSdk } from "../emulator/models/agreement.ts";

const BOTOCORE = { version: "1.44.5", sha256: "8f16a56d1dff125dd65322ae021efa7ba5195a6db5102b96862566055b748921" };
const TABLE = fileURLToPath(new URL("../emulator/models/constraints.generated.json", import.meta.url));
const SERVICES = {
  iam: "iam/2010-05-08",
  sts: "sts/2011-06-15",
  ecr: "ecr/2015-09-21",
  eks: "eks/2017-11-01",
  "eks-auth": "eks-auth/2023-11-26",
  appmesh: "appmesh/2019-01-25",
  aps: "amp/2020-08-01",
};
/** Services without an SDK client in the registry: their whole schema comes from here (emulator/models/botocore-schema.ts). */
const WHOLE = ["eks-auth"];

/** Reads the models and keeps what a request's validation needs; runs in Python because that is where the wheel's gzip and zip are one line. */
const EXTRACT = `
import gzip, json, sys, zipfile
wheel = zipfile.ZipFile(sys.argv[1])
out = {}
for service, path in json.loads(sys.argv[2]).items():
    model = json.loads(gzip.decompress(wheel.read("botocore/data/" + path + "/service-2.json.gz")))
    shapes, kept = model["shapes"], {}
    def keep(name):
        if name in kept: return
        s = shapes[name]
        entry = {k: s[k] for k in ("type", "min", "max", "pattern", "enum") if k in s}
        kept[name] = entry
        if s["type"] == "structure":
            entry["members"] = {m: v["shape"] for m, v in s["members"].items()}
            if s.get("required"): entry["required"] = s["required"]
            for v in s["members"].values(): keep(v["shape"])
        elif s["type"] == "list":
            entry["member"] = s["member"]["shape"]
            keep(s["member"]["shape"])
        elif s["type"] == "map":
            for part in ("key", "value"):
                entry[part] = s[part]["shape"]
                keep(s[part]["shape"])
    operations, whole = {}, {}
    if service in json.loads(sys.argv[3]):
        whole = {"outputs": {}, "http": {}, "errors": {}, "places": {}}
        for name, op in sorted(model["operations"].items()):
            whole["outputs"][name] = op["output"]["shape"]
            whole["http"][name] = {"method": op["http"]["method"], "path": op["http"]["requestUri"]}
            whole["places"][name] = {m: v["location"] for m, v in shapes[op["input"]["shape"]]["members"].items() if "location" in v}
            keep(op["output"]["shape"])
        for name, s in sorted(shapes.items()):
            if s.get("exception"): whole["errors"][name] = s["error"]["httpStatusCode"]
    for name, op in sorted(model["operations"].items()):
        if "input" in op:
            operations[name] = op["input"]["shape"]
            keep(op["input"]["shape"])
    out[service] = {"operations": operations, "shapes": dict(sorted(kept.items())), **({"whole": whole} if whole else {})}
print(json.dumps(out))
`;

function sha256(text: string | Buffer): string {
  return createHash("sha256").update(text).digest("hex");
}

function generate(): void {
  const folder = mkdtempSync(join(tmpdir(), "botocore-"));
  try {
    execFileSync("python3", ["-m", "venv", join(folder, "venv")], { stdio: "inherit" });
    const pip = join(folder, "venv", "bin", "pip");
    execFileSync(pip, ["download", "-q", "--no-deps", `botocore==${BOTOCORE.version}`, "-d", folder], { stdio: "inherit" });
    const wheel = join(folder, `botocore-${BOTOCORE.version}-py3-none-any.whl`);
    const found = sha256(readFileSync(wheel));
    if (found !== BOTOCORE.sha256) throw new Error(`botocore ${BOTOCORE.version} has sha256 ${found}, not the pinned ${BOTOCORE.sha256}`);
    const text = execFileSync("python3", ["-c", EXTRACT, wheel, JSON.stringify(SERVICES), JSON.stringify(WHOLE)], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    const services: unknown = JSON.parse(text);
    const table = {
      source: { package: "botocore", ...BOTOCORE, licence: "Apache-2.0" },
      contentSha256: sha256(JSON.stringify(services)),
      services,
    };
    writeFileSync(TABLE, `${JSON.stringify(table, null, 1)}\n`);
    console.log(`wrote ${TABLE}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function check(): string[] {
  const table: {
    source: { version: string; sha256: string };
    contentSha256: string;
    services: unknown;
  } = JSON.parse(readFileSync(TABLE, "utf8"));
  const problems = disagreementsWithSdk();
  if (table.source.version !== BOTOCORE.version || table.source.sha256 !== BOTOCORE.sha256) {
    problems.push(`the table comes from botocore ${table.source.version}, the script pins ${BOTOCORE.version}`);
  }
  if (sha256(JSON.stringify(table.services)) !== table.contentSha256) problems.push("the table was edited by hand");
  return problems;
}

if (process.argv.includes("--help")) {
  console.log("node scripts/botocore-constraints.ts           make emulator/models/constraints.generated.json (downloads botocore)");
  console.log("node scripts/botocore-constraints.ts --check   verify it, without a network");
} else if (process.argv.includes("--check")) {
  const problems = check();
  for (const problem of problems) console.error(`constraints.generated.json: ${problem}`);
  if (problems.length > 0) console.error("run: node scripts/botocore-constraints.ts");
  process.exitCode = problems.length > 0 ? 1 : 0;
} else {
  generate();
}
