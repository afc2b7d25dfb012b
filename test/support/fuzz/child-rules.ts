import { rangeIsValid } from "./cel.ts";

/** What the API server and AWS hold against what they are sent, as far as it can be said without them (k8s.io/kubernetes, pkg/apis, validation; botocore). */

type Block = Readonly<Record<string, unknown>>;

/** Every reason why the object would be refused. Empty: none that is known here. */
export function refusals(object: unknown): readonly string[] {
  if (!isBlock(object)) return ["no object"];
  const problems = [...sizeProblems(object), ...textProblems(object)];
  return "kind" in object ? [...problems, ...kubernetesProblems(object)] : [...problems, ...awsProblems(object)];
}

function isBlock(value: unknown): value is Block {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every value below, with its path. */
function* members(value: unknown, path = ""): Generator<readonly [path: string, value: unknown]> {
  yield [path, value];
  if (typeof value !== "object" || value === null) return;
  for (const [key, one] of Object.entries(value)) yield* members(one, path === "" ? key : `${path}.${key}`);
}

/** Of etcd's 1.5 MiB something is left for what the API server adds. */
const MAX_BYTES = 1_400_000;

function sizeProblems(object: Block): readonly string[] {
  const bytes = Buffer.byteLength(JSON.stringify(object));
  return bytes > MAX_BYTES ? [`${String(bytes)} bytes are more than etcd takes`] : [];
}

function textProblems(object: Block): readonly string[] {
  return [...members(object)].flatMap(([path, value]) => {
    if (typeof value === "number" && !Number.isFinite(value)) return [`${path} is ${String(value)}`];
    return typeof value === "string" && !value.isWellFormed() ? [`${path} is no text`] : [];
  });
}

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_VALUE = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

function kubernetesProblems(object: Block): readonly string[] {
  const metadata = isBlock(object["metadata"]) ? object["metadata"] : {};
  const name = String(metadata["name"]);
  const labels = [...members(object)].filter(([path]) => /(^|\.)(metadata\.labels|matchLabels)\./.test(path));
  return [
    ...(name.length > 253 || !SUBDOMAIN.test(name) ? [`metadata.name ${name}`] : []),
    ...labels.flatMap(([path, value]) => (typeof value === "string" && !LABEL_VALUE.test(value) ? [`${path} ${value}`] : [])),
    ...(Buffer.byteLength(JSON.stringify(metadata["annotations"] ?? {})) > 262_144 ? ["metadata.annotations are too long"] : []),
    ...(object["kind"] === "Service" && !/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name) ? [`metadata.name ${name}`] : []),
    ...[...members(object["spec"], "spec")].flatMap(([path, value]) => fieldProblems(path, value)),
  ];
}

const RULES: readonly (readonly [place: RegExp, problem: (value: unknown) => boolean])[] = [
  [/\.env\.[0-9]+\.name$/, (value) => isTreeStep(value)],
  [/\.(secretKeyRef|configMapKeyRef)\.key$/, (value) => isTreeStep(value)],
  [/\.ports\.[0-9]+\.name$/, (value) => String(value).length > 15],
  [/\.(port|containerPort|number|endPort|targetPort)$/, (value) => typeof value === "number" && (value < 1 || value > 65535)],
  [/\.cidr$|\.except\.[0-9]+$/, (value) => !rangeIsValid(String(value))],
  [/\.resources\.(requests|limits)\.[a-z]+$/, (value) => !isCanonicalQuantity(String(value))],
  [/\.volumeMounts$/, (value) => hasDuplicates(value, "mountPath")],
  [/\.volumes$/, (value) => hasDuplicates(value, "name")],
  [
    /\.(timeout|perTryTimeout|interval|baseEjectionTime)$/,
    (value) => typeof value === "string" && !/^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$/.test(value),
  ],
];

function fieldProblems(path: string, value: unknown): readonly string[] {
  return RULES.filter(([place, problem]) => place.test(path) && problem(value)).map(() => `${path} ${JSON.stringify(value)}`);
}

/** `.`, `..`, and what begins with the latter, are taken for a way out of a folder. */
function isTreeStep(value: unknown): boolean {
  return value === "." || String(value).startsWith("..");
}

function hasDuplicates(list: unknown, key: string): boolean {
  const values = Array.isArray(list) ? list.map((one) => (isBlock(one) ? one[key] : undefined)) : [];
  return new Set(values).size !== values.length;
}

const SCALE: Readonly<Record<string, number>> = {
  "": 0,
  m: -1,
  k: 1,
  M: 2,
  G: 3,
  T: 4,
  P: 5,
  E: 6,
  Ki: 1,
  Mi: 2,
  Gi: 3,
  Ti: 4,
  Pi: 5,
  Ei: 6,
};

/** Of at most 2^63 - 1, beyond which the API server writes that number instead. */
function isCanonicalQuantity(text: string): boolean {
  const match = /^([0-9]+)(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?$/.exec(text);
  if (!match) return false;
  const suffix = match[2] ?? "";
  const power = SCALE[suffix] ?? 0;
  const units = BigInt(match[1] ?? "0");
  if (power < 0) return units < 2n ** 63n;
  return units * (suffix.endsWith("i") ? 1024n : 1000n) ** BigInt(power) < 2n ** 63n;
}

/** IAM's policyDocumentType. */
const DOCUMENT = /^[\t\n\r\u0020-\u00ff]+$/;
const TAG = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

function awsProblems(object: Block): readonly string[] {
  const { name, trustPolicy, inlinePolicy, tags, maxSessionDuration } = object;
  const documents = [trustPolicy, inlinePolicy].filter((one) => one !== undefined).map((one) => JSON.stringify(one));
  return [
    ...documents.filter((document) => !DOCUMENT.test(document)).map((document) => `policy ${document}`),
    ...documents.filter((document) => document.length > 10_240).map(() => "policy is too long"),
    ...Object.entries(isBlock(tags) ? tags : {})
      .filter(([key, value]) => !TAG.test(key) || !TAG.test(String(value)) || String(value).length > 256)
      .map(([key, value]) => `tag ${key} ${String(value)}`),
    ...(trustPolicy !== undefined && String(name).length > 64 ? [`name ${String(name)}`] : []),
    ...(typeof maxSessionDuration === "number" && (maxSessionDuration < 3600 || maxSessionDuration > 43_200)
      ? [`maxSessionDuration ${String(maxSessionDuration)}`]
      : []),
  ];
}
