import { type Client, type DirectorySnapshot, isInBusiness, type Person } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import type { IdTokenHints } from '../authorization-endpoint/id-token-hint.ts';
import type { ClientContext } from '../client-endpoint/index.ts';
import type { PersonHint } from './parse-request.ts';
import { refuse } from './refusals.ts';

/**
 * The person that a hint names (CIBA Core section 7.2): by principal id, or by an ID token that this client was issued.
 * Software that trades asks people of its own institution. Who is of another is to it as if they were not there, or
 * it could find out who works where; the record says which it was.
 *
 * @throws CodedError `unknown_user_id`, `invalid_request`
 */
export async function identifyPerson(
  hint: PersonHint,
  { client, directory, now, note }: Pick<ClientContext, 'client' | 'directory' | 'now' | 'note'>,
  hints: IdTokenHints,
): Promise<Person> {
  const id = hint.kind === 'login' ? hint.hint : await subjectOf(hint.token, client, now, hints);
  const person = id === undefined ? undefined : directory.principal(id);
  if (person?.kind !== 'person') {
    note({ data: { hint: 'nobody' } });
    throw unknown();
  }
  const obstacle = obstacleTo(person, client, directory);
  if (obstacle !== undefined) {
    note({ subject: { id: person.id, institution: person.institution }, data: { hint: obstacle } });
    throw unknown();
  }
  return person;
}

function obstacleTo(person: Person, client: Client, directory: DirectorySnapshot): string | undefined {
  if (client.profile === 'fapi2' && person.institution !== client.institution) return 'institution';
  return isInBusiness(directory.institution(person.institution)) ? undefined : 'institution_standing';
}

/** CIBA Core section 14: signed by us, for this client; its age does not matter. */
async function subjectOf(token: string, client: Client, now: number, hints: IdTokenHints): Promise<string | undefined> {
  const claims = await hints.read(token, now).catch((error: unknown) => {
    if (!isCodedError(error) || error.category === 'unavailable') throw error;
    throw refuse('id_token_hint_invalid', 'The id_token_hint is not an ID token of this server.');
  });
  if (claims !== undefined && claims.aud !== client.id)
    throw refuse('id_token_hint_invalid', 'The id_token_hint was issued to another client.');
  return claims?.sub;
}

function unknown() {
  return refuse('hint_unknown', 'The hint names nobody whom this client may ask.');
}
