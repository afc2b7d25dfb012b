import type {
  CreateOpenIDConnectProviderRequest,
  CreateOpenIDConnectProviderResponse,
  DeleteOpenIDConnectProviderRequest,
  GetOpenIDConnectProviderRequest,
  GetOpenIDConnectProviderResponse,
  ListOpenIDConnectProvidersRequest,
  ListOpenIDConnectProvidersResponse,
} from "@aws-sdk/client-iam";
import { badRequest } from "../../errors.ts";
import { read, write, type Call, type Operation, type Permission } from "../../operation.ts";
import type { OidcProviderRecord } from "../../records.ts";
import { iamFault } from "./schema.ts";
import { checkQuota, mergeTags, requestTags, tagList } from "./shared.ts";

const URL_FORM = /^https:\/\/[A-Za-z0-9.-]+(:\d+)?(\/[A-Za-z0-9._~/-]*)?$/;
const SCHEME = "https://";

/** The ARN of the provider of an issuer, given with `https://`. */
export function providerArn(url: string, accountId: string): string {
  return `arn:aws:iam::${accountId}:oidc-provider/${url.slice(SCHEME.length)}`;
}

function onProvider(action: string, arn: string, { store }: Call): Permission[] {
  return [{ action: `iam:${action}`, resource: arn, resourceTags: store.oidcProviders.get(arn)?.tags ?? {} }];
}

const createProvider = write<CreateOpenIDConnectProviderRequest, CreateOpenIDConnectProviderResponse>("CreateOpenIDConnectProvider", {
  permissions({ Url, Tags }, call) {
    const resource = providerArn(Url, call.accountId);
    const tags = requestTags(Tags);
    const create = { action: "iam:CreateOpenIDConnectProvider", resource, requestTags: tags };
    return tags === undefined || Object.keys(tags).length === 0
      ? [create]
      : [create, { action: "iam:TagOpenIDConnectProvider", resource, requestTags: tags }];
  },
  handle({ Url, ClientIDList = [], ThumbprintList = [], Tags }, call) {
    if (!URL_FORM.test(Url)) throw badRequest("ValidationError", "Invalid Open ID Connect Provider URL");
    const arn = providerArn(Url, call.accountId);
    if (call.store.oidcProviders.current(arn) !== undefined) {
      throw iamFault("EntityAlreadyExistsException", `Provider with url ${Url} already exists.`);
    }
    checkQuota(ClientIDList.length - 1, call.quotas.clientIdsPerOidcProvider, "ClientIdsPerOpenIdConnectProvider");
    checkQuota(call.store.oidcProviders.count(), call.quotas.oidcProvidersPerAccount, "OpenIdConnectProvidersPerAccount");
    const tags = mergeTags({}, Tags ?? [], call);
    const provider: OidcProviderRecord = { arn, url: Url, clientIds: ClientIDList, thumbprints: ThumbprintList, createdAt: call.now, tags };
    call.store.oidcProviders.set(arn, provider);
    return { OpenIDConnectProviderArn: arn, Tags: tagList(tags) };
  },
});

const getProvider = read<GetOpenIDConnectProviderRequest, GetOpenIDConnectProviderResponse>("GetOpenIDConnectProvider", {
  permissions: ({ OpenIDConnectProviderArn }, call) => onProvider("GetOpenIDConnectProvider", OpenIDConnectProviderArn, call),
  handle({ OpenIDConnectProviderArn: arn }, call) {
    const provider = call.store.oidcProviders.get(arn);
    if (provider === undefined) throw iamFault("NoSuchEntityException", `OpenIDConnect Provider not found for arn ${arn}`);
    return {
      Url: provider.url.slice(SCHEME.length), // AWS answers without the scheme
      ClientIDList: [...provider.clientIds],
      ThumbprintList: [...provider.thumbprints],
      CreateDate: new Date(provider.createdAt),
      Tags: tagList(provider.tags),
    };
  },
});

const listProviders = read<ListOpenIDConnectProvidersRequest, ListOpenIDConnectProvidersResponse>("ListOpenIDConnectProviders", {
  permissions: () => [{ action: "iam:ListOpenIDConnectProviders", resource: "*" }],
  handle: (_, call) => ({ OpenIDConnectProviderList: call.store.oidcProviders.entries().map(([Arn]) => ({ Arn })) }),
});

const deleteProvider = write<DeleteOpenIDConnectProviderRequest, void>("DeleteOpenIDConnectProvider", {
  permissions: ({ OpenIDConnectProviderArn }, call) => onProvider("DeleteOpenIDConnectProvider", OpenIDConnectProviderArn, call),
  handle({ OpenIDConnectProviderArn: arn }, call) {
    // AWS: no error for a provider that does not exist
    if (call.store.oidcProviders.get(arn) !== undefined) call.store.oidcProviders.delete(arn);
  },
});

export const OIDC_OPERATIONS: readonly Operation[] = [createProvider, getProvider, listProviders, deleteProvider];
