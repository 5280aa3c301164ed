import { membersOf } from './read-metadata.ts';
import { type MetadataProblem, refuseMetadata } from './refusals.ts';

/** What a client may not send along when it updates itself (RFC 7592 section 2.2). */
const answersOnly = [
  'registration_access_token',
  'registration_client_uri',
  'client_id_issued_at',
  'client_secret_expires_at',
] as const;

/**
 * An update says which client it is of, and of which software: the first it was given, the second it may not change.
 *
 * @throws CodedError `invalid_client_metadata`
 */
export function checkUpdate(input: unknown, client: { readonly clientId: string; readonly principal: string }): void {
  const members = membersOf(input);
  const problems: MetadataProblem[] = answersOnly
    .filter((name) => members.has(name))
    .map((name) => ({ code: 'metadata_refused', path: `/${name}`, detail: 'This is ours to say, not to be sent.' }));
  if (members.get('client_id') !== client.clientId)
    problems.push({
      code: 'client_id_differs',
      path: '/client_id',
      detail: 'The client_id must be the one in the URL.',
    });
  if (members.get('countersign_principal') !== client.principal)
    problems.push({
      code: 'principal_unchangeable',
      path: '/countersign_principal',
      detail: 'A client stays the software of its principal; for another one, register another client.',
    });
  if (problems.length > 0) throw refuseMetadata(problems);
}
