import {
  type Client,
  type DirectorySnapshot,
  revocationDetail,
  type StandingReader,
  standingRevocation,
} from '@countersign/contracts';
import type { MandateId } from '@countersign/kernel';
import type { Authority } from '../grants/grant-handler.ts';
import { refuse } from '../refusal.ts';

/**
 * Whether anybody who would act by the token, or the mandate it would be issued under, is revoked: the subject, every actor,
 * the client with its own principal, and the institutions of all of them. A revocation stands until it is lifted.
 *
 * @throws CodedError `access_denied` (`authority_revoked`); `log_unavailable`
 */
export async function checkRevoked(
  {
    authority,
    client,
    directory,
    mandates = [],
  }: {
    readonly authority: Pick<Authority, 'subject' | 'actors' | 'institution'>;
    readonly client: Pick<Client, 'id' | 'principal' | 'institution'>;
    readonly directory: Pick<DirectorySnapshot, 'principal'>;
    readonly mandates?: readonly MandateId[];
  },
  log: StandingReader,
): Promise<void> {
  const principals = [...new Set([authority.subject, ...authority.actors, client.principal])];
  const institutions = new Set([authority.institution, client.institution]);
  for (const id of principals) {
    const institution = directory.principal(id)?.institution;
    if (institution !== undefined) institutions.add(institution);
  }
  const found = await standingRevocation(
    { principals, clients: [client.id], institutions: [...institutions], mandates },
    log,
  );
  if (found !== undefined)
    throw refuse('authority_revoked', revocationDetail(found), { revoked: found.kind, revocation: found.record });
}
