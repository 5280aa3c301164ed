import {
  type Client,
  type DirectorySnapshot,
  type GrantTerms,
  isInBusiness,
  type Person,
} from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { type AuthorizationDetail, scopeActionOf } from '@countersign/market';
import {
  checkRequestedDetails,
  checkRequestedResource,
  checkRequestedScopes,
  type RequestRules,
} from '../authorization-request/index.ts';
import type { ClientContext } from '../client-endpoint/index.ts';
import type { IdTokenHints } from '../id-tokens.ts';
import { isProtocolScope } from '../protocol-scopes.ts';
import type { AskedTerms, PersonHint } from './parse-request.ts';
import { refuse } from './refusals.ts';

/**
 * The terms that would be granted, checked on arrival, when shown and when decided. Intents without a scope get that of their action.
 *
 * @throws CodedError of `oauthErrors`
 */
export function checkTerms(asked: AskedTerms, rules: RequestRules): GrantTerms {
  const named = checkRequestedScopes(asked.scope, rules.client);
  const withDetails = asked.details !== undefined;
  const target = checkRequestedResource(asked.resource, named, rules, { withDetails });
  const found = checkRequestedDetails(asked.details, target, { ...rules, scopes: named });
  const scopes = named.some((scope) => !isProtocolScope(scope))
    ? named
    : checkRequestedScopes([...named, ...scopesOf(found.details)], rules.client);
  if (scopes.length === 0)
    throw refuse('scope_missing', 'Request scopes or authorization_details; there is no default.');
  const resource = checkRequestedResource(asked.resource, scopes, rules, { withDetails });
  return { scopes, ...found, resources: resource === undefined ? [] : [resource.uri] };
}

function scopesOf(details: readonly AuthorizationDetail[]): readonly string[] {
  return [...new Set(details.map((detail) => scopeActionOf(detail)).filter((scope) => scope !== undefined))];
}

/**
 * CIBA Core section 7.2: a principal id, or an ID token issued to this client. People whom the client may not ask are reported as
 * unknown; only the record has the reason.
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

/** CIBA Core section 14: whatever its age. */
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
  return refuse('hint_unknown', 'The hint does not name a person whom this client may ask.');
}
