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
  /** The one protected interface that the token is for; for one of another class, where its subject token arrived. */
  readonly resource: Resource;
  /** What the token says it is for: the interface, but where it is of another class. */
  readonly audience: string;
  /**
   * The scopes of the protocol that such a token carries, where the interface is one of the protocol's own: userinfo,
   * which tells about the person who signed in, or the grants of the client. It opens no market interface. Undefined
   * for every other.
   */
  readonly protocolScopes?: ReadonlySet<ProtocolScope>;
}

/** The target of the token (RFC 8707 section 2): registered, allowed to this client, and within what was granted. */
export function checkTarget(asked: string | undefined, bounds: TargetBounds): Target {
  const { client, directory, issuer } = bounds;
  const { ceiling, requested } = bounds.authority;
  if (requested !== undefined) return targetOf(requested, asked, bounds);
  const userinfoUri = userinfoAudience(issuer);
  const target = asked ?? defaultTarget(bounds, userinfoUri);
  const userinfo = target === userinfoUri && bounds.scope.protocol.has('openid');
  const protocolScopes = userinfo ? bounds.scope.protocol : grantScopesFor(target, bounds);
  // What an ordinary relying party gets at most: a stolen token of it tells who signed in there, and no more.
  if (client.profile === 'oidc' && !userinfo)
    throw refuse('target_profile', `The client signs people in: its tokens are for ${userinfoUri} alone.`);
  const resource = target === undefined ? impliedTarget(bounds) : findResource(target, directory);
  if (resource === undefined)
    throw refuse('target_unknown', 'The target must be the absolute URI, without fragment, of a registered interface.');
  if (protocolScopes !== undefined) return { resource, audience: resource.uri, protocolScopes };
  if (!client.audiences.includes(resource.uri))
    throw refuse('target_not_allowed', `The client may not ask for tokens for ${resource.uri}.`);
  if (ceiling.resources?.includes(resource.uri) === false)
    throw refuse('target_not_granted', `The consent is not for ${resource.uri}.`);
  // An exchange for the same audience would only add an actor, or refresh what should end.
  if (resource.uri === ceiling.audience)
    throw refuse('target_unchanged', 'The subject token is for this target already; exchange it for the next one.');
  return { resource, audience: resource.uri };
}

function findResource(target: string, directory: DirectorySnapshot): Resource | undefined {
  const uri = parseResourceUri(target);
  return uri === undefined ? undefined : directory.resource(uri);
}

function impliedTarget({ client, directory, authority, scope }: TargetBounds): Resource {
  const asked = scope.market?.split(' ').filter((token) => token !== '') ?? [...(authority.ceiling.scope ?? [])];
  // An exchange carries authority to the next hop, which the client must name.
  const exchanges = authority.ceiling.audience !== undefined;
  const implied = exchanges ? undefined : impliedResource(asked, { client, directory });
  if (implied === undefined)
    throw refuse('target_missing', 'Name the one protected interface the token is for, in the parameter resource.');
  return implied;
}

/** Grant Management for OAuth: the scopes to look at and end the client's own grants, when it asks for their interface. */
function grantScopesFor(
  target: string | undefined,
  { scope, issuer }: TargetBounds,
): ReadonlySet<ProtocolScope> | undefined {
  if (target !== issuer + grantManagementPath) return undefined;
  const held = [...scope.protocol].filter((each) => grantManagementScopes.has(each));
  return held.length === 0 ? undefined : new Set(held);
}

/** What was asked for when the consent was given; where that is about nothing but the sign-in, userinfo. */
function defaultTarget({ authority, scope }: TargetBounds, userinfoUri: string): string | undefined {
  const { ceiling } = authority;
  const asksForMarket = scope.market === undefined ? (ceiling.scope?.size ?? 0) > 0 : scope.market !== '';
  if (!asksForMarket && scope.protocol.has('openid')) return userinfoUri;
  if (ceiling.resource !== undefined) return ceiling.resource;
  return ceiling.resources?.length === 1 ? ceiling.resources[0] : undefined;
}

/**
 * A token of another class: whom it is for is its own rule. The interface at which the subject token arrived stays the
 * one whose scopes and intents are carried on.
 */
function targetOf(requested: RequestedToken, asked: string | undefined, bounds: TargetBounds): Target {
  const { client, directory, authority } = bounds;
  const { ceiling, institution } = authority;
  if (client.profile === 'oidc')
    throw refuse('target_profile', 'The client signs people in: it carries nothing further.');
  const resource = ceiling.audience === undefined ? undefined : directory.resource(ceiling.audience);
  if (resource === undefined)
    throw refuse('target_unknown', 'The interface that received the subject token is no longer registered.');
  return { resource, audience: requested.audienceOf(asked, { client, institution }) };
}

/**
 * The interface that a request is for which names none (RFC 8707 section 2 leaves `resource` optional): the only one of the
 * client's that offers every market scope that is asked for. With several nobody guesses, and the caller refuses.
 */
export function impliedResource(
  marketScopes: readonly string[],
  {
    client,
    directory,
  }: { readonly client: Pick<Client, 'audiences'>; readonly directory: Pick<DirectorySnapshot, 'resource'> },
): Resource | undefined {
  const [only, ...others] = client.audiences.flatMap((uri) => {
    const resource = directory.resource(uri);
    return resource !== undefined && marketScopes.every((scope) => resource.scopes.some((offered) => offered === scope))
      ? [resource]
      : [];
  });
  return others.length === 0 ? only : undefined;
}
