import { type Client, type DirectorySnapshot, isInBusiness, type Person, type SignIn } from '@countersign/contracts';
import type { AuthorizationRequest } from '@countersign/oauth';
import { refuse } from './refusals.ts';

/**
 * Whether the person who is signed in may decide on this request: known, of an institution in good standing, and, for
 * software that trades, of the institution whose software it is.
 */
export function checkPerson(
  signIn: SignIn,
  {
    client,
    directory,
    request,
  }: {
    readonly client: Client;
    readonly directory: DirectorySnapshot;
    readonly request: Pick<AuthorizationRequest, 'subject'>;
  },
): Person {
  const person = directory.principal(signIn.person);
  if (person?.kind !== 'person') throw refuse('person_unknown', 'The person who signed in is not in the directory.');
  if (!isInBusiness(directory.institution(person.institution)))
    throw refuse('person_institution_standing', 'The LEI registration of the institution of the person was retired.');
  if (client.profile === 'fapi2' && person.institution !== client.institution)
    throw refuse('person_institution', 'The person is not of the institution that owns the client.');
  // OpenID Connect Core section 5.5.1: nobody but the subject asked for may answer.
  if (request.subject !== undefined && request.subject !== person.id)
    throw refuse('person_other', 'Somebody else is signed in than the person whom the client asked for.');
  return person;
}
