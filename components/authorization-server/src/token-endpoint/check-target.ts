import { type Client, type DirectorySnapshot, parseResourceUri, type Resource } from '@countersign/contracts';
import { userinfoAudience } from '@countersign/oauth';
import type { Ceiling } from '../grants/grant-handler.ts';
import { refuse } from '../refusal.ts';
import type { AskedScope } from './split-scope.ts';

export interface TargetBounds {
  readonly client: Client;
  readonly directory: DirectorySnapshot;
  readonly ceiling: Ceiling;
  readonly scope: AskedScope;
  readonly issuer: string;
}

/** The one protected interface that a token is for. */
export interface Target {
  readonly resource: Resource;
  /** Our own userinfo endpoint, which tells about the person who signed in and opens no market interface. */
  readonly userinfo: boolean;
}

/** The target of the token (RFC 8707 section 2): registered, allowed to this client, and within what was granted. */
export function checkTarget(asked: string | undefined, bounds: TargetBounds): Target {
  const { client, directory, ceiling, issuer } = bounds;
  const userinfoUri = userinfoAudience(issuer);
  const target = asked ?? defaultTarget(bounds, userinfoUri);
  const userinfo = target === userinfoUri && bounds.scope.protocol.has('openid');
  // What an ordinary relying party gets at most: a stolen token of it tells who signed in there, and no more.
  if (client.profile === 'oidc' && !userinfo)
    throw refuse('target_profile', `The client signs people in: its tokens are for ${userinfoUri} alone.`);
  if (target === undefined)
    throw refuse('target_missing', 'Name the one protected interface the token is for, in the parameter resource.');
  const uri = parseResourceUri(target);
  const resource = uri === undefined ? undefined : directory.resource(uri);
  if (resource === undefined)
    throw refuse('target_unknown', 'The target must be the absolute URI, without fragment, of a registered interface.');
  if (userinfo) return { resource, userinfo };
  if (!client.audiences.includes(resource.uri))
    throw refuse('target_not_allowed', `The client may not ask for tokens for ${resource.uri}.`);
  if (ceiling.resources?.includes(resource.uri) === false)
    throw refuse('target_not_granted', `The consent is not for ${resource.uri}.`);
  // An exchange for the same audience would only add an actor, or refresh what should end.
  if (resource.uri === ceiling.audience)
    throw refuse('target_unchanged', 'The subject token is for this target already; exchange it for the next one.');
  return { resource, userinfo };
}

/** What was asked for when the consent was given; where that is about nothing but the sign-in, userinfo. */
function defaultTarget({ ceiling, scope }: TargetBounds, userinfoUri: string): string | undefined {
  const asksForMarket = scope.market === undefined ? (ceiling.scope?.size ?? 0) > 0 : scope.market !== '';
  if (!asksForMarket && scope.protocol.has('openid')) return userinfoUri;
  if (ceiling.resource !== undefined) return ceiling.resource;
  return ceiling.resources?.length === 1 ? ceiling.resources[0] : undefined;
}
