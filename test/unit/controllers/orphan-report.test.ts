import { beforeEach, describe, expect, test } from "vitest";
import { OrphanReport } from "../../../src/controllers/orphan-report.ts";
import type { PlatformService } from "../../../src/crds/platform-service.ts";
import type { AuditedKind, Holding, Tags } from "../../../src/reconcilers/audit/holdings.ts";
import { createMetrics, type Metrics } from "../../../src/telemetry/metrics.ts";
import { operatorConfig } from "../../support/aws/operator-config.ts";
import { storedService } from "../../support/aws/service.ts";

/** The metric of orphans: what it counts, and what is asked of AWS for it, sweep after sweep. */

const CONFIG = operatorConfig();

let metrics: Metrics;
let services: readonly PlatformService[];
/** By ARN. */
let tags: Map<string, Tags>;
let asked: string[];
let report: OrphanReport;

beforeEach(() => {
  metrics = createMetrics({ version: "test", perService: "Full" });
  services = [storedService({ namespace: "a", name: "lives" })];
  tags = new Map();
  asked = [];
  const reader = async (arn: string): Promise<Tags | undefined> => {
    asked.push(arn);
    return tags.get(arn);
  };
  report = new OrphanReport({
    config: CONFIG,
    reader: { repository: reader, association: reader, meshObject: reader },
    services: () => services,
    namespaceLabels: () => ({}),
    metrics,
  });
});

function tagsOf(name: string, more: Tags = {}): Tags {
  return {
    "platform-operator.dev/cluster": "eu-west-1.demo",
    "platform-operator.dev/namespace": "a",
    "platform-operator.dev/name": name,
    ...more,
  };
}

function role(name: string, more: Tags = {}): Holding {
  return { kind: "Role", name: `eu-west-1.demo.a.${name}`, arn: `role/${name}`, tags: tagsOf(name, more) };
}

/** Its tags are there to be asked for. */
function repository(name: string, of: Tags = tagsOf(name)): Holding {
  tags.set(`repository/${name}`, of);
  return { kind: "Repository", name: `a/${name}`, arn: `repository/${name}`, tags: undefined };
}

async function sweep(held: Partial<Record<AuditedKind, readonly Holding[]>>, share = 0): Promise<readonly string[]> {
  asked = [];
  const kinds = Object.entries(held).map(([kind, objects]): [AuditedKind, readonly Holding[]] => [
    kind === "Role" ? "Role" : "Repository",
    objects,
  ]);
  await report.seen(new Map(kinds), share);
  return asked;
}

async function series(): Promise<readonly string[]> {
  const text = await metrics.text();
  return text.split("\n").filter((line) => line.startsWith("platform_aws_orphans{"));
}

describe("what is counted", () => {
  test("by kind, objects of this cluster that no service wants; none that is kept on purpose, and none of others", async () => {
    await sweep({
      Role: [role("lives"), role("gone"), role("kept", { "platform-operator.dev/retained": "true" })],
      Repository: [repository("lives"), repository("gone"), repository("gone-too"), repository("theirs", {})],
    });
    expect(await series()).toEqual(['platform_aws_orphans{kind="Role"} 1', 'platform_aws_orphans{kind="Repository"} 2']);
  });

  test("what is read as empty is 0, and what is not read has no series", async () => {
    await sweep({ Role: [] });
    expect(await series()).toEqual(['platform_aws_orphans{kind="Role"} 0']);
  });

  test("what was deleted is none any more, and what a service comes back for", async () => {
    await sweep({ Role: [role("gone"), role("back")] });
    services = [...services, storedService({ namespace: "a", name: "back" })];
    await sweep({ Role: [role("back")] });
    expect(await series()).toEqual(['platform_aws_orphans{kind="Role"} 0']);
  });

  test("as long as there are some of a kind, somebody has to look whether they are gone", async () => {
    await sweep({ Role: [role("gone")] });
    expect([report.has("Role"), report.has("Repository")]).toEqual([true, false]);
    await sweep({ Role: [] });
    expect(report.has("Role")).toBe(false);
  });
});

describe("what is asked of AWS", () => {
  test("no tag of what a service has; of the rest each once, and then no more", async () => {
    const held = () => ({ Role: [role("gone")], Repository: [repository("lives"), repository("gone"), repository("theirs", {})] });
    expect(await sweep(held())).toEqual(["repository/gone", "repository/theirs"]);
    expect(await sweep(held())).toEqual([]);
    expect(await sweep(held())).toEqual([]);
  });

  test("of those that carry this cluster's tags a share anew, the longest unread first", async () => {
    const held = () => ({ Repository: ["one", "two", "three"].map((name) => repository(name)).concat(repository("theirs", {})) });
    await sweep(held());
    const turns = [];
    for (let i = 0; i < 4; i++) turns.push(await sweep(held(), 1 / 3));
    expect(turns).toEqual([["repository/one"], ["repository/two"], ["repository/three"], ["repository/one"]]);
  });

  test("at most a hundred in one sweep, and the rest in the next", async () => {
    const held = () => ({ Repository: Array.from({ length: 150 }, (_, i) => repository(`r${i}`)) });
    expect(await sweep(held())).toHaveLength(100);
    expect(await series()).toEqual(['platform_aws_orphans{kind="Repository"} 100']);
    expect(await sweep(held())).toHaveLength(50);
    expect(await series()).toEqual(['platform_aws_orphans{kind="Repository"} 150']);
  });

  test("anew of one that was deleted and made again", async () => {
    await sweep({ Repository: [repository("gone")] });
    await sweep({ Repository: [] });
    expect(await sweep({ Repository: [repository("gone")] })).toEqual(["repository/gone"]);
  });
});
