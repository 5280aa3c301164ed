import type { Client, DirectorySnapshot, GrantType } from '@countersign/contracts';
import { refuse } from '../refusal.ts';

/** Whether this client may use this grant, and its institution may act at all. */
export function checkClient(client: Client, grantType: GrantType, directory: DirectorySnapshot): void {
  if (!client.grantTypes.includes(grantType))
    throw refuse('grant_not_allowed', `The client is not registered for the grant ${grantType}.`);
  checkStanding(client.institution, directory);
}

/** A lapsed registration is how a firm's end shows first: nobody acts for it any more. */
export function checkStanding(lei: string, directory: DirectorySnapshot): void {
  const status = directory.institution(lei)?.leiStatus;
  if (status !== 'ISSUED')
    throw refuse(
      'institution_not_in_good_standing',
      `The LEI registration of ${lei} must be ISSUED; it is ${status ?? 'not known here'}.`,
    );
}
