import { refuse } from '../refusal.ts';
import type { AuthenticatedClient, AuthenticationRules, Presented } from './presented.ts';

/**
 * Two clients that one key or certificate authenticates are one piece of software in two roles: whatever must be
 * separated between them is not. Neither gets anything until the registration says whose it is.
 *
 * @param note keeps the other holder for the record; the client is not told
 * @throws CodedError `invalid_client` (`client_credential_shared`)
 */
export async function requireSoleHolder(
  { client, assertion }: AuthenticatedClient,
  { certificate, presented, directory }: Pick<Presented, 'certificate' | 'presented' | 'directory'>,
  note: (other: string) => void,
  { clientKeys }: Pick<AuthenticationRules, 'clientKeys'>,
): Promise<void> {
  const shown =
    assertion === undefined
      ? certificate && { certificate, chainVerified: presented?.chainVerified === true }
      : { keyThumbprint: assertion.keyThumbprint };
  if (shown === undefined) throw new Error('a client was authenticated by neither an assertion nor a certificate');
  const other = await clientKeys.otherHolder(client, shown, directory);
  if (other === undefined) return;
  note(other);
  throw refuse(
    'client_credential_shared',
    'This key or certificate would authenticate another client too. Give each client its own, and register those.',
  );
}
