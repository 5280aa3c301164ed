import {
  type Client,
  type DirectorySnapshot,
  type GrantTerms,
  isInBusiness,
  type Person,
  type SignIn,
} from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';
import type { AuthorizationRequest } from '@countersign/oauth';
import { refuse } from './refusals.ts';

/** The person must be known and of an institution in good standing; for trading software, of the institution that owns it. */
export function checkPerson(
  signIn: SignIn,
  rules: {
    readonly client: Client;
    readonly directory: DirectorySnapshot;
    readonly request: Pick<AuthorizationRequest, 'subject'>;
  },
): Person {
  const { client, directory, request } = rules;
  const person = directory.principal(signIn.person);
  if (person?.kind !== 'person') throw refuse('person_unknown', 'The person who signed in is not in the directory.');
  if (!isInBusiness(directory.institution(person.institution)))
    throw refuse('person_institution_standing', 'The LEI registration of the institution of the person was retired.');
  if (client.profile === 'fapi2' && person.institution !== client.institution)
    throw refuse('person_institution', 'The person is not of the institution that owns the client.');
  // OpenID Connect Core section 5.5.1: only the requested subject may answer.
  if (request.subject !== undefined && request.subject !== person.id)
    throw refuse('person_other', 'The person signed in is not the person whom the client asked for.');
  return person;
}

const dayMs = 24 * 60 * 60_000;

/** Consents with `offline_access`, and of ordinary relying parties. */
const lastingMs = 90 * dayMs;
/** Consents for software that acts while the person is present. */
const presentMs = dayMs;

/** Never after the last of its intents. Milliseconds since the epoch. */
export function grantExpiry(
  terms: GrantTerms,
  { client, now }: { readonly client: Client; readonly now: number },
): number {
  const lasts = client.profile === 'oidc' || terms.scopes.includes('offline_access');
  const end = now + (lasts ? lastingMs : presentMs);
  if (terms.details.length === 0) return end;
  const lastIntent = Math.max(...terms.details.map((detail) => parseInstant(detail.not_after) ?? 0));
  return Math.min(end, lastIntent);
}
