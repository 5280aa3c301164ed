import type { Client, DirectorySnapshot } from '@countersign/contracts';
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

/**
 * A firm whose registration was retired is no more, and nobody acts for it. One whose registration has lapsed begins nothing new,
 * which the policies say: it cancels, revokes, settles what was executed and reports.
 */
export function checkStanding(lei: string, directory: DirectorySnapshot): void {
  const status = directory.institution(lei)?.leiStatus;
  if (status !== 'ISSUED' && status !== 'LAPSED')
    throw refuse(
      'institution_not_in_good_standing',
      `The LEI registration of ${lei} must be ISSUED or, for what ends or settles business, LAPSED; it is ${status ?? 'not known here'}.`,
    );
}
