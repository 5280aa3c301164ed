import type { Client, DirectorySnapshot, Resource } from '@countersign/contracts';

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
