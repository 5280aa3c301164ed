import {
  type Client,
  type DirectorySnapshot,
  type ProtocolScope,
  parseResourceUri,
  type Resource,
} from '@countersign/contracts';
import { userinfoAudience } from '@countersign/oauth';
import type { Authority, RequestedToken } from '../grant-handler.ts';
import { grantManagementPath, grantManagementScopes } from '../grant-management/index.ts';
import { refuse } from '../refusal.ts';
import type { AskedScope } from './check-scope.ts';

export interface TargetBounds {
  readonly client: Client;
  readonly directory: DirectorySnapshot;
  readonly authority: Pick<Authority, 'ceiling' | 'institution' | 'requested'>;
  readonly scope: AskedScope;
  readonly issuer: string;
}

export interface Target {
  /** For another token type, the interface that received the subject token. */
  readonly resource: Resource;
  /** The interface, or the recipient that another token type defines. */
  readonly audience: string;
  /** For an interface of the protocol: userinfo, or the client's grants. */
  readonly protocolScopes?: ReadonlySet<ProtocolScope>;
}

/** RFC 8707 section 2. */
export function checkTarget(asked: string | undefined, bounds: TargetBounds): Target {
  const { client, directory, issuer } = bounds;
  const { ceiling, requested } = bounds.authority;
  if (requested !== undefined) return targetOf(requested, asked, bounds);
  const userinfoUri = userinfoAudience(issuer);
  const target = asked ?? defaultTarget(bounds, userinfoUri);
  const userinfo = target === userinfoUri && bounds.scope.protocol.has('openid');
  const protocolScopes = userinfo ? bounds.scope.protocol : grantScopesFor(target, bounds);
  // A relying party gets tokens for userinfo only.
  if (client.profile === 'oidc' && !userinfo)
    throw refuse('target_profile', `A client that signs people in receives tokens for ${userinfoUri} only.`);
  const resource = target === undefined ? impliedTarget(bounds) : findResource(target, directory);
  if (resource === undefined)
    throw refuse('target_unknown', 'The target must be the absolute URI, without fragment, of a registered interface.');
  if (protocolScopes !== undefined) return { resource, audience: resource.uri, protocolScopes };
  if (!client.audiences.includes(resource.uri))
    throw refuse('target_not_allowed', `The client is not registered for tokens for ${resource.uri}.`);
  if (ceiling.resources?.includes(resource.uri) === false)
    throw refuse('target_not_granted', `The consent does not include ${resource.uri}.`);
  // It would only add an actor or extend the token.
  if (resource.uri === ceiling.audience)
    throw refuse('target_unchanged', 'The subject token is already for this target.');
  return { resource, audience: resource.uri };
}

function findResource(target: string, directory: DirectorySnapshot): Resource | undefined {
  const uri = parseResourceUri(target);
  return uri === undefined ? undefined : directory.resource(uri);
}

function impliedTarget({ client, directory, authority, scope }: TargetBounds): Resource {
  const asked = scope.market?.split(' ').filter((token) => token !== '') ?? [...(authority.ceiling.scope ?? [])];
  // An exchange must name the next hop.
  const exchanges = authority.ceiling.audience !== undefined;
  const implied = exchanges ? undefined : impliedResource(asked, { client, directory });
  if (implied === undefined) throw refuse('target_missing', 'Name the protected interface in the parameter resource.');
  return implied;
}

/** Grant Management for OAuth. */
function grantScopesFor(target: string | undefined, { scope, issuer }: TargetBounds) {
  if (target !== issuer + grantManagementPath) return undefined;
  const held = [...scope.protocol].filter((each) => grantManagementScopes.has(each));
  return held.length === 0 ? undefined : new Set(held);
}

/** That of the consent; userinfo if it covers only the sign-in. */
function defaultTarget({ authority, scope }: TargetBounds, userinfoUri: string): string | undefined {
  const { ceiling } = authority;
  const asksForMarket = scope.market === undefined ? (ceiling.scope?.size ?? 0) > 0 : scope.market !== '';
  if (!asksForMarket && scope.protocol.has('openid')) return userinfoUri;
  if (ceiling.resource !== undefined) return ceiling.resource;
  return ceiling.resources?.length === 1 ? ceiling.resources[0] : undefined;
}

/** Another token type defines its recipient. Scopes and intents carry over from the interface of the subject token. */
function targetOf(requested: RequestedToken, asked: string | undefined, bounds: TargetBounds): Target {
  const { client, directory, authority } = bounds;
  const { ceiling, institution } = authority;
  if (client.profile === 'oidc')
    throw refuse('target_profile', 'A client that signs people in cannot exchange tokens.');
  const resource = ceiling.audience === undefined ? undefined : directory.resource(ceiling.audience);
  if (resource === undefined)
    throw refuse('target_unknown', 'The interface that received the subject token is no longer registered.');
  return { resource, audience: requested.audienceOf(asked, { client, institution }) };
}

/** RFC 8707 section 2: the client's only interface that offers every requested market scope. */
export function impliedResource(
  marketScopes: readonly string[],
  by: { readonly client: Pick<Client, 'audiences'>; readonly directory: Pick<DirectorySnapshot, 'resource'> },
): Resource | undefined {
  const { client, directory } = by;
  const [only, ...others] = client.audiences.flatMap((uri) => {
    const resource = directory.resource(uri);
    return resource !== undefined && marketScopes.every((scope) => resource.scopes.some((offered) => offered === scope))
      ? [resource]
      : [];
  });
  return others.length === 0 ? only : undefined;
}
