import { CreateRepositoryCommand, paginateDescribeRepositories } from "@aws-sdk/client-ecr";
import { CreateRoleCommand, DeleteRoleCommand, ListRolesCommand, paginateListRoles } from "@aws-sdk/client-iam";
import { assert, integer, property, string, uniqueArray } from "fast-check";
import { expect, test } from "vitest";
import { page } from "../../../emulator/paging.ts";
import { aws, EC2_TRUST, outcome, type Aws } from "./clients.ts";

function all(keys: readonly string[], size: number): string[] {
  const sorted = keys.toSorted((a, b) => (a < b ? -1 : 1)).map((key) => [key, key] as const);
  const found: string[] = [];
  let token: string | undefined;
  do {
    const next = page(sorted, { token, size, defaultSize: 100, maxSize: undefined });
    if (next === undefined) throw new Error("its own token is refused");
    found.push(...next.items);
    token = next.next;
  } while (token !== undefined);
  return found;
}

test("pages together are the list, whatever their size", () => {
  assert(
    property(uniqueArray(string()), integer({ min: 1, max: 7 }), (keys, size) => {
      expect(all(keys, size)).toEqual(keys.toSorted((a, b) => (a < b ? -1 : 1)));
    }),
  );
});

test("a last page that is full has no token", () => {
  const request = { token: undefined, size: 2, defaultSize: 100, maxSize: undefined };
  expect(
    page(
      [
        ["a", 1],
        ["b", 2],
      ],
      request,
    ),
  ).toEqual({ items: [1, 2], next: undefined });
});

async function roles({ iam }: Aws, ...names: readonly string[]): Promise<void> {
  for (const RoleName of names) await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument: EC2_TRUST }));
}

test("what is deleted between pages neither repeats nor hides another", async () => {
  const world = await aws();
  await roles(world, "a", "b", "c", "d");
  const { Marker, Roles } = await world.iam.send(new ListRolesCommand({ MaxItems: 2 }));
  await world.iam.send(new DeleteRoleCommand({ RoleName: "a" }));
  await world.iam.send(new DeleteRoleCommand({ RoleName: "b" }));
  const rest = await world.iam.send(new ListRolesCommand({ MaxItems: 2, Marker }));
  expect([...(Roles ?? []), ...(rest.Roles ?? [])].map(({ RoleName }) => RoleName)).toEqual(["a", "b", "c", "d"]);
});

test("a switch makes pages smaller than was asked", async () => {
  const world = await aws({ switches: { maxPageSize: 1 } });
  await roles(world, "a", "b", "c");
  for (const repositoryName of ["aa", "bb"]) await world.ecr.send(new CreateRepositoryCommand({ repositoryName }));
  const sizes: number[] = [];
  for await (const { Roles } of paginateListRoles({ client: world.iam, pageSize: 1000 }, {})) sizes.push(Roles?.length ?? 0);
  for await (const { repositories } of paginateDescribeRepositories({ client: world.ecr }, {})) sizes.push(repositories?.length ?? 0);
  expect(sizes).toEqual([1, 1, 1, 1, 1]);
});

test("quotas can be lowered", async () => {
  const world = await aws({ quotas: { rolesPerAccount: 1, repositoriesPerRegistry: 1 } });
  await roles(world, "a");
  await world.ecr.send(new CreateRepositoryCommand({ repositoryName: "aa" }));
  const second = new CreateRoleCommand({ RoleName: "b", AssumeRolePolicyDocument: EC2_TRUST });
  await expect(world.iam.send(second)).rejects.toThrow("Cannot exceed quota for RolesPerAccount: 1");
  expect(await outcome(world.ecr.send(new CreateRepositoryCommand({ repositoryName: "bb" })))).toBe("LimitExceededException");
});
