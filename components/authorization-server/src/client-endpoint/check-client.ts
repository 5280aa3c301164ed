import { type Client, type DirectorySnapshot, isInBusiness } from '@countersign/contracts';
import { refuse } from '../refusal.ts';

export interface ClientRules {
  /** Where this installation stands: in production, software that is being tried out gets nothing. */
  readonly environment: 'development' | 'production';
}

/** Whether anything is done for this client at all: where it runs, whose software it is, and for whom it acts. */
export function checkClient(client: Client, directory: DirectorySnapshot, { environment }: ClientRules): void {
  if (environment === 'production' && client.environment !== 'production')
    throw refuse('client_environment', 'The client is registered for a sandbox, and this installation is none.');
  if (directory.principal(client.principal) === undefined)
    throw refuse('principal_unknown', 'The service or agent of this client is not in the directory.');
  checkStanding(client.institution, directory);
}

/** Nobody acts for a firm that is no more; see `isInBusiness`. */
export function checkStanding(lei: string, directory: DirectorySnapshot): void {
  const institution = directory.institution(lei);
  if (!isInBusiness(institution))
    throw refuse(
      'institution_not_in_good_standing',
      `The LEI registration of ${lei} must be ISSUED or, for what ends or settles business, LAPSED; it is ${institution?.leiStatus ?? 'not known here'}.`,
    );
}
