/** Tags, OIDC providers, the bulk read, and paging of every list of IAM. */
import assert from "node:assert/strict";
import {
  AddRoleToInstanceProfileCommand,
  AttachRolePolicyCommand,
  CreateInstanceProfileCommand,
  CreateOpenIDConnectProviderCommand,
  DeleteOpenIDConnectProviderCommand,
  GetAccountAuthorizationDetailsCommand,
  GetOpenIDConnectProviderCommand,
  ListOpenIDConnectProvidersCommand,
  ListRoleTagsCommand,
  paginateGetAccountAuthorizationDetails,
  paginateListAttachedRolePolicies,
  paginateListInstanceProfilesForRole,
  paginateListPolicies,
  paginateListRolePolicies,
  paginateListRoles,
  paginateListRoleTags,
  PutRolePolicyCommand,
  TagRoleCommand,
  UntagRoleCommand,
} from "@aws-sdk/client-iam";
import { bucketPolicy, managedPolicy, oidcProvider, role } from "../fixtures.ts";
import { probesOf, refused, type Probe } from "../probe.ts";

function tags(count: number): { Key: string; Value: string }[] {
  return Array.from({ length: count }, (_, index) => ({ Key: `key-${index}`, Value: "v" }));
}

/** Fails unless the pages hold one item each, all of them, none twice. */
async function pagesOfOne<Page>(
  pages: AsyncIterable<Page>,
  items: (page: Page) => readonly unknown[] | undefined,
  expected: number,
): Promise<void> {
  const sizes: number[] = [];
  const seen = new Set<string>();
  for await (const page of pages) {
    const found = items(page) ?? [];
    sizes.push(found.length);
    for (const item of found) seen.add(JSON.stringify(item));
  }
  assert.ok(sizes.length >= expected, `expected at least ${expected} pages, got ${sizes.length}`);
  assert.ok(
    sizes.every((size) => size <= 1),
    `a page of one has ${Math.max(...sizes)} items`,
  );
  assert.ok(seen.size >= expected, `expected at least ${expected} different items, got ${seen.size}`);
}

export const IAM_ACCOUNT_PROBES: readonly Probe[] = [
  ...probesOf("iam", "TagRole", {
    "adds and replaces": async (target) => {
      const RoleName = await role(target, {
        Tags: [
          { Key: "a", Value: "1" },
          { Key: "b", Value: "1" },
        ],
      });
      await target.iam.send(
        new TagRoleCommand({
          RoleName,
          Tags: [
            { Key: "b", Value: "2" },
            { Key: "c", Value: "2" },
          ],
        }),
      );
      const { Tags } = await target.iam.send(new ListRoleTagsCommand({ RoleName }));
      assert.deepEqual(Object.fromEntries(Tags?.map(({ Key, Value }) => [Key, Value]) ?? []), { a: "1", b: "2", c: "2" });
    },
    "refuses keys that differ in case only": async (target) => {
      const command = new TagRoleCommand({
        RoleName: await role(target),
        Tags: [
          { Key: "a", Value: "1" },
          { Key: "A", Value: "2" },
        ],
      });
      await refused("InvalidInputException", target.iam.send(command), /Duplicate tag keys found/);
    },
    "refuses more than fifty in a request": async (target) => {
      const command = new TagRoleCommand({ RoleName: await role(target), Tags: tags(51) });
      await refused("ValidationError", target.iam.send(command));
    },
    "refuses more than fifty in all": async (target) => {
      const RoleName = await role(target, { Tags: tags(50) });
      await refused("LimitExceededException", target.iam.send(new TagRoleCommand({ RoleName, Tags: [{ Key: "one-more", Value: "v" }] })));
    },
    "refuses keys that begin with aws:": async (target) => {
      const command = new TagRoleCommand({ RoleName: await role(target), Tags: [{ Key: "aws:mine", Value: "1" }] });
      await refused("InvalidInputException", target.iam.send(command));
    },
    "refuses a key longer than 128": async (target) => {
      const command = new TagRoleCommand({ RoleName: await role(target), Tags: [{ Key: "k".repeat(129), Value: "1" }] });
      await refused("ValidationError", target.iam.send(command), /less than or equal to 128/);
    },
    "refuses a value outside the pattern": async (target) => {
      const command = new TagRoleCommand({ RoleName: await role(target), Tags: [{ Key: "k", Value: "<>" }] });
      await refused("ValidationError", target.iam.send(command));
    },
  }),
  ...probesOf("iam", "UntagRole", {
    "removes what is there and minds nothing else": async (target) => {
      const RoleName = await role(target, { Tags: tags(2) });
      await target.iam.send(new UntagRoleCommand({ RoleName, TagKeys: ["key-0", "missing"] }));
      const { Tags } = await target.iam.send(new ListRoleTagsCommand({ RoleName }));
      assert.deepEqual(
        Tags?.map(({ Key }) => Key),
        ["key-1"],
      );
    },
  }),
  ...probesOf("iam", "CreateOpenIDConnectProvider", {
    "answers with the ARN of host and path": async (target) => {
      const { arn, host } = await oidcProvider(target);
      assert.equal(arn, `arn:aws:iam::${target.accountId}:oidc-provider/${host}`);
    },
    "refuses an issuer that exists": async (target) => {
      const { host } = await oidcProvider(target);
      const command = new CreateOpenIDConnectProviderCommand({
        Url: `https://${host}`,
        ClientIDList: ["x"],
        ThumbprintList: ["a".repeat(40)],
      });
      await refused("EntityAlreadyExistsException", target.iam.send(command));
    },
    "refuses an issuer without https": (target) =>
      refused("ValidationError", target.iam.send(new CreateOpenIDConnectProviderCommand({ Url: "http://plain.example.com" }))),
    "needs no thumbprint": async (target) => {
      await target.iam.send(new CreateOpenIDConnectProviderCommand({ Url: `https://${target.unique("bare")}.example.com` }));
    },
  }),
  ...probesOf("iam", "GetOpenIDConnectProvider", {
    "answers with the issuer without its scheme": async (target) => {
      const { arn, host } = await oidcProvider(target);
      const found = await target.iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn: arn }));
      assert.deepEqual([found.Url, found.ClientIDList], [host, ["sts.amazonaws.com"]]);
      assert.ok(found.CreateDate instanceof Date);
    },
    "answers NoSuchEntity": (target) => {
      const OpenIDConnectProviderArn = `arn:aws:iam::${target.accountId}:oidc-provider/missing.example.com`;
      return refused("NoSuchEntityException", target.iam.send(new GetOpenIDConnectProviderCommand({ OpenIDConnectProviderArn })));
    },
  }),
  ...probesOf("iam", "ListOpenIDConnectProviders", {
    "lists ARNs": async (target) => {
      const { arn } = await oidcProvider(target);
      const { OpenIDConnectProviderList } = await target.iam.send(new ListOpenIDConnectProvidersCommand({}));
      assert.ok(OpenIDConnectProviderList?.some(({ Arn }) => Arn === arn));
    },
  }),
  ...probesOf("iam", "DeleteOpenIDConnectProvider", {
    "is idempotent": async (target) => {
      const { arn: OpenIDConnectProviderArn } = await oidcProvider(target);
      await target.iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
      await target.iam.send(new DeleteOpenIDConnectProviderCommand({ OpenIDConnectProviderArn }));
    },
  }),
  ...probesOf("iam", "GetAccountAuthorizationDetails", {
    "has a role's policies, boundary and tags": async (target) => {
      const [PermissionsBoundary, PolicyArn] = [await managedPolicy(target), await managedPolicy(target)];
      const RoleName = await role(target, { PermissionsBoundary, Tags: [{ Key: "a", Value: "b" }] });
      await target.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument: bucketPolicy() }));
      await target.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn }));
      const { RoleDetailList } = await target.iam.send(new GetAccountAuthorizationDetailsCommand({ Filter: ["Role"], MaxItems: 1000 }));
      const found = RoleDetailList?.find((detail) => detail.RoleName === RoleName);
      assert.equal(found?.PermissionsBoundary?.PermissionsBoundaryArn, PermissionsBoundary);
      assert.deepEqual(found.Tags, [{ Key: "a", Value: "b" }]);
      assert.deepEqual(
        found.AttachedManagedPolicies?.map((attached) => attached.PolicyArn),
        [PolicyArn],
      );
      assert.equal(decodeURIComponent(found.RolePolicyList?.[0]?.PolicyDocument ?? ""), bucketPolicy());
    },
    "encodes the inline documents": async (target) => {
      const RoleName = await role(target);
      await target.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName: "p", PolicyDocument: bucketPolicy() }));
      const { RoleDetailList } = await target.iam.send(new GetAccountAuthorizationDetailsCommand({ Filter: ["Role"], MaxItems: 1000 }));
      const found = RoleDetailList?.find((detail) => detail.RoleName === RoleName);
      assert.match(found?.RolePolicyList?.[0]?.PolicyDocument ?? "", /^%7B/);
    },
    "filters what it gives": async (target) => {
      await managedPolicy(target);
      const found = await target.iam.send(new GetAccountAuthorizationDetailsCommand({ Filter: ["LocalManagedPolicy"], MaxItems: 1000 }));
      assert.deepEqual([found.RoleDetailList ?? [], (found.Policies?.length ?? 0) > 0], [[], true]);
    },
  }),
  ...probesOf("iam", "paging", {
    "ListRoles gives pages of MaxItems": async (target) => {
      const PathPrefix = `/${target.unique("paged")}/`;
      for (let count = 0; count < 3; count += 1) await role(target, { Path: PathPrefix });
      await pagesOfOne(paginateListRoles({ client: target.iam, pageSize: 1 }, { PathPrefix }), (page) => page.Roles, 3);
    },
    "ListRolePolicies gives pages of MaxItems": async (target) => {
      const RoleName = await role(target);
      for (const PolicyName of ["a", "b"])
        await target.iam.send(new PutRolePolicyCommand({ RoleName, PolicyName, PolicyDocument: bucketPolicy() }));
      await pagesOfOne(paginateListRolePolicies({ client: target.iam, pageSize: 1 }, { RoleName }), (page) => page.PolicyNames, 2);
    },
    "ListAttachedRolePolicies gives pages of MaxItems": async (target) => {
      const RoleName = await role(target);
      for (let count = 0; count < 2; count += 1) {
        await target.iam.send(new AttachRolePolicyCommand({ RoleName, PolicyArn: await managedPolicy(target) }));
      }
      await pagesOfOne(
        paginateListAttachedRolePolicies({ client: target.iam, pageSize: 1 }, { RoleName }),
        (page) => page.AttachedPolicies,
        2,
      );
    },
    "ListRoleTags gives pages of MaxItems": async (target) => {
      const RoleName = await role(target, { Tags: tags(3) });
      await pagesOfOne(paginateListRoleTags({ client: target.iam, pageSize: 1 }, { RoleName }), (page) => page.Tags, 3);
    },
    "ListPolicies gives pages of MaxItems": async (target) => {
      for (let count = 0; count < 2; count += 1) await managedPolicy(target);
      await pagesOfOne(paginateListPolicies({ client: target.iam, pageSize: 1 }, { Scope: "Local" }), (page) => page.Policies, 2);
    },
    "ListInstanceProfilesForRole gives pages of MaxItems": async (target) => {
      const RoleName = await role(target);
      for (let count = 0; count < 2; count += 1) {
        const InstanceProfileName = target.unique("profile");
        await target.iam.send(new CreateInstanceProfileCommand({ InstanceProfileName }));
        await target.iam.send(new AddRoleToInstanceProfileCommand({ InstanceProfileName, RoleName }));
      }
      const pages = paginateListInstanceProfilesForRole({ client: target.iam, pageSize: 1 }, { RoleName });
      await pagesOfOne(pages, (page) => page.InstanceProfiles, 2);
    },
    "GetAccountAuthorizationDetails gives pages of MaxItems": async (target) => {
      for (let count = 0; count < 2; count += 1) await role(target);
      const pages = paginateGetAccountAuthorizationDetails({ client: target.iam, pageSize: 1 }, { Filter: ["Role"] });
      await pagesOfOne(pages, (page) => page.RoleDetailList, 2);
    },
    "lists give 100 when nothing is asked": async (target) => {
      const PathPrefix = `/${target.unique("hundred")}/`;
      for (let count = 0; count < 101; count += 1) await role(target, { Path: PathPrefix });
      const sizes: number[] = [];
      for await (const page of paginateListRoles({ client: target.iam }, { PathPrefix })) sizes.push(page.Roles?.length ?? 0);
      assert.deepEqual(sizes, [100, 1]);
    },
  }),
];
