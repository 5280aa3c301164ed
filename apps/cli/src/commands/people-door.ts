import type { Connection } from '../connection.ts';

export type PeopleScope =
  | 'authenticator:invite'
  | 'authenticator:read'
  | 'authenticator:revoke'
  | 'account:lock'
  | 'account:unlock'
  | 'session:read'
  | 'session:end';

/** Calls the interface `people` about one person, with a token of the one scope that the call needs. */
export async function callAbout(
  person: string,
  { issuer, client, token }: Connection,
  method: 'GET' | 'POST',
  path: string,
  scope: PeopleScope,
  body?: unknown,
): Promise<unknown> {
  return client.callOrThrow(await token('people', scope), {
    method,
    url: `${issuer}/people/${encodeURIComponent(person)}${path}`,
    ...(body === undefined ? {} : { body }),
  });
}
