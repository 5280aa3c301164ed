import { type GrantTerms, parseResourceUri, protocolScopes, type Resource } from '@countersign/contracts';

import { impliedResource } from '../implied-resource.ts';
import { refuse } from './refusals.ts';
import type { RequestRules } from './request-rules.ts';

/**
 * The one interface that the grant is for (RFC 8707 section 2), named or implied: registered, allowed to this client, and
 * offering every market scope that is asked for. Scopes of the protocol alone need none, unless they come with intents.
 */
export function checkRequestedResource(
  asked: string | undefined,
  scopes: GrantTerms['scopes'],
  { client, directory }: Pick<RequestRules, 'client' | 'directory'>,
  { withDetails }: { readonly withDetails: boolean },
): Resource | undefined {
  const market = scopes.filter((scope) => !protocolScopes.some((known) => known === scope));
  if (asked === undefined) {
    if (market.length === 0 && !withDetails) return undefined;
    const implied = impliedResource(market, { client, directory });
    // Details without an interface are refused with them, once it is known that they can be read.
    if (implied === undefined && market.length > 0)
      throw refuse('target_missing', 'Name the one protected interface that this is for, in the parameter resource.');
    return implied;
  }
  const uri = parseResourceUri(asked);
  const resource = uri === undefined ? undefined : directory.resource(uri);
  if (resource === undefined)
    throw refuse('target_unknown', 'The resource must be the absolute URI of a registered interface.');
  if (!client.audiences.includes(resource.uri))
    throw refuse('target_not_allowed', `The client may not ask for tokens for ${resource.uri}.`);
  const missing = market.find((scope) => !resource.scopes.includes(scope));
  if (missing !== undefined) throw refuse('scope_not_offered', `${resource.uri} does not offer ${missing}.`);
  return resource;
}
