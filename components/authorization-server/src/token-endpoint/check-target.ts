import { type Client, type DirectorySnapshot, parseResourceUri, type Resource } from '@countersign/contracts';
import type { Ceiling } from '../grants/grant-handler.ts';
import { refuse } from '../refusal.ts';

/** The one protected interface that the token is for (RFC 8707 section 2): registered, and allowed to this client. */
export function checkTarget(
  target: string | undefined,
  {
    client,
    directory,
    ceiling,
  }: { readonly client: Client; readonly directory: DirectorySnapshot; readonly ceiling: Ceiling },
): Resource {
  if (target === undefined)
    throw refuse('target_missing', 'Name the one protected interface the token is for, in the parameter resource.');
  const uri = parseResourceUri(target);
  const resource = uri === undefined ? undefined : directory.resource(uri);
  if (resource === undefined)
    throw refuse('target_unknown', 'The target must be the absolute URI, without fragment, of a registered interface.');
  if (!client.audiences.includes(resource.uri))
    throw refuse('target_not_allowed', `The client may not ask for tokens for ${resource.uri}.`);
  // An exchange for the same audience would only add an actor, or refresh what should end.
  if (resource.uri === ceiling.audience)
    throw refuse('target_unchanged', 'The subject token is for this target already; exchange it for the next one.');
  return resource;
}
