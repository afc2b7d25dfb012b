import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { createAws, type AwsConnection } from "../../aws/aws.ts";
import { ConfigError } from "../../config.ts";
import { clusterId } from "../../crds/aws-names.ts";
import { keyOf, keyString } from "../../crds/meta.ts";
import type { OperatorConfig } from "../../crds/operator-config.ts";
import { systemClock } from "../../kube/clock.ts";
import { loadKubeConfig } from "../../kube/kubeconfig.ts";
import { createTransport } from "../../kube/transport.ts";
import { isError, otherCluster, type Finding } from "../../reconcilers/audit/findings.ts";
import { survey, type ClusterReader, type Survey } from "../../reconcilers/audit/survey.ts";
import { AwsError, KubeError, type Aws } from "../../reconcilers/ports.ts";
import { clusterReader } from "./cluster.ts";
import { deleteOne, type Deletion } from "./deletion.ts";
import { HELP, readAuditOptions, type AuditOptions, type DeletionOptions } from "./options.ts";
import { deletable, doubtOfCluster, planOf, type Plan } from "./plan.ts";
import { deletionLine, json, painter, planTable, table, type Outcome, type Paint } from "./report.ts";

/** `platform-operator audit`: one look at what AWS holds and what services want, and, where it is asked to, the end of what is nobody's. */

/** Where an audit speaks, and who answers it. */
export interface Terminal {
  out(line: string): void;
  /** Progress, questions and refusals. */
  err(line: string): void;
  /** What is read next; the last one is replaced where that is possible. */
  progress(what: string): void;
  /** Somebody sits there. */
  readonly interactive: boolean;
  readonly paint: Paint;
  ask(question: string): Promise<string>;
}

/** What is audited, connected. */
export interface Audited {
  readonly aws: Aws & Pick<AwsConnection, "caller">;
  readonly cluster: ClusterReader;
}

/** As a program: resolves to its exit code. Throws ConfigError. */
export async function audit(argv: readonly string[], env: Readonly<Record<string, string | undefined>>, version: string): Promise<number> {
  const options = readAuditOptions(argv, env);
  if (options === undefined) {
    console.log(HELP);
    return 0;
  }
  const kubeConfig = kubeConfigOf(options.kubeconfig);
  const aws = createAws(options.config, { version, clock: systemClock, observer: { request: () => undefined } });
  const transport = createTransport(kubeConfig, { version, identity: "audit", clock: systemClock });
  try {
    return await runAudit(options, { aws, cluster: clusterReader(transport) }, processTerminal(env));
  } finally {
    await aws.close();
    await transport.close();
  }
}

function kubeConfigOf(file: string | undefined): ReturnType<typeof loadKubeConfig> {
  try {
    return loadKubeConfig(file);
  } catch (error) {
    throw new ConfigError(`cannot read the kubeconfig: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Resolves to the exit code. */
export async function runAudit(options: AuditOptions, audited: Audited, terminal: Terminal): Promise<number> {
  try {
    return await audits(options, audited, terminal);
  } catch (error) {
    if (error instanceof AwsError)
      terminal.err(`platform-operator audit: cannot tell: ${error.operation}: ${error.code}: ${error.message}`);
    else if (error instanceof KubeError) terminal.err(`platform-operator audit: cannot tell: ${error.message}`);
    else throw error;
    return 2;
  }
}

async function audits({ config, output, deletion }: AuditOptions, audited: Audited, terminal: Terminal): Promise<number> {
  await checkAccount(audited, config);
  const seen = await look(config, audited, terminal);
  const base = { cluster: clusterId(config), account: config.cluster.accountId, findings: seen.findings };
  const told = (outcome: Omit<Outcome, keyof typeof base>): void => {
    if (output === "json") terminal.out(json({ ...base, ...outcome }));
  };
  if (output === "table") for (const line of table(seen.findings, terminal.paint)) terminal.out(line);
  if (deletion === undefined) {
    told({ plan: undefined, deletions: [], refused: undefined });
    return seen.findings.some(isError) ? 1 : 0;
  }
  const answer = await decide(config, { deletion, seen }, audited, terminal);
  const { plan } = answer;
  if (answer.state === "refused") {
    terminal.err(`platform-operator audit: nothing was deleted: ${answer.why}`);
    told({ plan, deletions: [], refused: answer.why });
    return answer.exitCode;
  }
  const deletions = await deleteAll(plan, { deletion, config, live: output === "table" }, audited, terminal);
  told({ plan, deletions, refused: undefined });
  return leftToDo(seen.findings, deletions) ? 1 : 0;
}

/** Credentials of another account would find everything missing. */
async function checkAccount({ aws }: Audited, { cluster }: OperatorConfig): Promise<void> {
  const { account, arn } = await aws.caller();
  if (account !== cluster.accountId)
    throw new ConfigError(
      `the credentials are of account ${account} (${arn}), the configuration says ${cluster.accountId}: correct one of them`,
    );
}

async function look(config: OperatorConfig, { aws, cluster }: Audited, terminal: Terminal): Promise<Survey> {
  const seen = await survey({ aws, cluster, config, told: (what) => terminal.progress(what) });
  terminal.progress("");
  const other = otherCluster(seen.services, config);
  if (other !== undefined)
    throw new ConfigError(
      `the services of this cluster have roles of cluster ${other}, the configuration is of ${clusterId(config)}: one of the two is not what you mean`,
    );
  return seen;
}

type Decision =
  | { readonly state: "agreed"; readonly plan: Plan }
  | { readonly state: "refused"; readonly plan: Plan; readonly why: string; readonly exitCode: 1 | 2 };

/** What is to be deleted, as somebody agreed to it, or why nothing is. */
async function decide(
  config: OperatorConfig,
  { deletion, seen }: { readonly deletion: DeletionOptions; readonly seen: Survey },
  audited: Audited,
  terminal: Terminal,
): Promise<Decision> {
  const plan = await planned(seen, deletion, audited);
  const doubt = doubtOfCluster(
    [...plan.objects, ...plan.left].map(({ finding }) => finding),
    seen.services,
  );
  const refused = (why: string, exitCode: 1 | 2): Decision => ({ state: "refused", plan, why, exitCode });
  if (doubt !== undefined && !deletion.despiteFewServices) return refused(doubt, 2);
  for (const line of planTable(plan, terminal.paint)) terminal.err(line);
  if (deletion.plan !== undefined) {
    return deletion.plan === plan.id
      ? { state: "agreed", plan }
      : refused(`the plan is ${plan.id} now, not ${deletion.plan}: look at it, and write --yes ${plan.id} if it is meant`, 2);
  }
  if (plan.objects.length + plan.left.length === 0) return { state: "agreed", plan };
  if (!terminal.interactive) return refused(`nobody can be asked: look at the plan, and write --yes ${plan.id} if it is meant`, 2);
  const withImages = await askAbout(plan, config, terminal);
  if (withImages === undefined) return refused("it was not agreed to", 1);
  // Whoever was asked may have taken hours to answer.
  const now = await planned(await look(config, audited, terminal), { ...deletion, withImages }, audited);
  const agreed = planOf([...plan.objects, ...plan.left], { withImages });
  return now.id === agreed.id ? { state: "agreed", plan: now } : refused("something has changed while you were asked: start again", 2);
}

async function planned({ findings }: Survey, deletion: DeletionOptions, { aws }: Audited): Promise<Plan> {
  const all = [];
  for (const finding of deletable(findings, deletion))
    all.push({ finding, images: finding.kind === "Repository" ? await aws.imageCount(finding.name) : 0 });
  return planOf(all, deletion);
}

/** Whether images are to go as well; undefined: nothing is to go. */
async function askAbout({ objects, left }: Plan, { cluster }: OperatorConfig, terminal: Terminal): Promise<boolean | undefined> {
  const place = `of cluster ${cluster.name} in ${cluster.region}, AWS account ${cluster.accountId}`;
  const one = String(objects.length);
  if (objects.length > 0 && (await terminal.ask(`Type ${one} to delete these ${one} ${place}: `)).trim() !== one) return undefined;
  if (left.length === 0) return objects.some(({ images }) => images > 0);
  const count = left.reduce((sum, of) => sum + of.images, 0);
  const images = `${String(count)} ${count === 1 ? "image" : "images"}`;
  const [what, them] = left.length === 1 ? ["repository holds", "it"] : ["repositories hold", "them"];
  const question = `${String(left.length)} ${objects.length > 0 ? "more " : ""}${what} ${images} that nothing brings back, and other clusters may run them. Type "${images}" to delete ${them} as well: `;
  const withImages = (await terminal.ask(question)).trim() === images;
  return withImages || objects.length > 0 ? withImages : undefined;
}

async function deleteAll(
  { objects }: Plan,
  { deletion, config, live }: { readonly deletion: DeletionOptions; readonly config: OperatorConfig; readonly live: boolean },
  { aws, cluster }: Audited,
  terminal: Terminal,
): Promise<readonly Deletion[]> {
  const deletions: Deletion[] = [];
  const say = (line: string): void => (live ? terminal.out(line) : terminal.err(line));
  for (const one of objects) {
    const done = await deleteOne(one, { aws, cluster, config, despiteFewServices: deletion.despiteFewServices });
    deletions.push(done);
    say(deletionLine(done, terminal.paint));
  }
  const deleted = deletions.filter(({ result }) => result === "deleted" || result === "deleting");
  say(`${String(deleted.length)} of ${String(objects.length)} deleted`);
  for (const line of await cameBack(deleted, cluster)) terminal.err(line);
  return deletions;
}

/** Between the last look at the services and the deletion a service may have been made, and its role found: the operator makes it again. */
async function cameBack(deleted: readonly Deletion[], cluster: ClusterReader): Promise<readonly string[]> {
  if (deleted.length === 0) return [];
  const there = new Set((await cluster.services()).map((one) => keyString(keyOf(one))));
  return deleted.flatMap(({ finding: { kind, name, service } }) =>
    service === undefined || !there.has(keyString(service))
      ? []
      : [
          `PlatformService ${keyString(service)} was made while ${kind} ${name} was deleted: run the audit again, which says how it comes back`,
        ],
  );
}

function leftToDo(findings: readonly Finding[], deletions: readonly Deletion[]): boolean {
  const deleted = new Set(
    deletions.filter(({ result }) => result === "deleted" || result === "deleting").map(({ finding }) => finding.arn),
  );
  if (deletions.some(({ finding }) => !deleted.has(finding.arn))) return true;
  return findings.some((one) => isError(one) && !deleted.has(one.arn));
}

/** The process's own: colour and questions only where there is a terminal. */
function processTerminal(env: Readonly<Record<string, string | undefined>>): Terminal {
  const { stdin, stdout, stderr } = process;
  return {
    out: (line) => void stdout.write(`${line}\n`),
    err: (line) => void stderr.write(`${line}\n`),
    progress(what) {
      if (stderr.isTTY) stderr.write(`\r\u001B[K${what === "" ? "" : `reading ${what} …`}`);
      else if (what !== "" && !what.includes("(")) stderr.write(`reading ${what} …\n`);
    },
    interactive: stdin.isTTY && stderr.isTTY,
    paint: painter(stdout.isTTY && (env["NO_COLOR"] ?? "") === ""),
    async ask(question) {
      const lines = createInterface({ input: stdin, output: stderr });
      try {
        // Whoever ends the input has answered nothing.
        return await Promise.race([lines.question(question), once(lines, "close").then(() => "")]);
      } finally {
        lines.close();
      }
    },
  };
}
