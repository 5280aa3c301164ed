import type { Saying } from '@countersign/commands';
import type { Actor, Grant, GrantProposal, ProtectedValue, RecordDraft } from '@countersign/contracts';
import { defined, digestOf, type Json, type RecordId } from '@countersign/kernel';
import { type AuthorizationDetail, digestOfIntent } from '@countersign/market';

export const source = 'consent-store';

/** A person has allowed a client something: what exactly, in the words and digests of the intents that were shown. */
export function consentSaying(grant: Grant): Saying {
  return {
    type: 'consent.given',
    outcome: 'permit',
    ...circumstancesOf(grant),
    data: { grant: grant.id, version: grant.version, ...termsData(grant), expires_at: grant.expiresAt },
    protectedValues: protectedDetails(grant),
  };
}

/** A person was asked and said no. Nothing is kept but this. */
export function denialRecord(refused: Omit<GrantProposal, 'expiresAt'>, id: RecordId): RecordDraft {
  return {
    id,
    source,
    type: 'consent.denied',
    outcome: 'deny',
    // The code the client is told (RFC 6749 section 4.1.2.1).
    reason: 'access_denied',
    ...circumstancesOf(refused),
    data: termsData(refused),
    protectedValues: protectedDetails(refused),
  };
}

/** The whole of what is allowed from now on; the record before says what was. */
export function changeSaying(grant: Grant, how: 'merge' | 'replace', previous: RecordId): Saying {
  const { data, ...given } = consentSaying(grant);
  return { ...given, type: 'grant.changed', references: [previous], data: { how, ...data } };
}

export function revocationSaying(
  { id, version, client, subject, institution }: Grant,
  by: Actor,
  reason: string,
  previous: RecordId,
): Saying {
  return {
    type: 'grant.revoked',
    outcome: 'done',
    references: [previous],
    subject: by,
    client,
    data: { grant: id, version, client, subject, institution, reason },
  };
}

function circumstancesOf({
  subject,
  institution,
  client,
  scopes,
  resources,
  details,
  acr,
  amr,
  authTime,
}: Omit<GrantProposal, 'expiresAt'>) {
  const [only, ...others] = details;
  return {
    subject: { id: subject, institution },
    client,
    scope: scopes,
    audience: resources,
    authentication: { acr, amr, authTime },
    ...(only === undefined || others.length > 0 ? {} : { intent: digestOfIntent(only) }),
  } satisfies Partial<RecordDraft>;
}

/** All of the terms but the intents: see {@link protectedDetails}. */
function termsData({ client, acr, scopes, resources, details, session }: Omit<GrantProposal, 'expiresAt'>) {
  return {
    client,
    acr,
    scopes,
    resources,
    ...(details.length === 0 ? { details: [] } : {}),
    ...defined({ session }),
  } satisfies Json;
}

/** What the person was shown is what their institution means to trade. */
function protectedDetails(shown: Omit<GrantProposal, 'expiresAt'>): readonly ProtectedValue[] {
  const { details, applicationDetails = [], institution } = shown;
  const intents = details.map((detail) => ({
    type: detail.type,
    intent_digest: digestOfIntent(detail),
    detail: jsonOf(detail),
  }));
  const others = applicationDetails.map((detail) => ({ type: detail.type, detail_digest: digestOf(detail), detail }));
  const kept = { kind: 'strategy', subject: institution } as const;
  return [
    ...(intents.length === 0 ? [] : [{ path: '/data/details', ...kept, value: intents }]),
    ...(others.length === 0 ? [] : [{ path: '/data/application_details', ...kept, value: others }]),
  ];
}

/** A parsed detail is JSON by its schema; its type names members where JSON's has an index. */
function jsonOf(detail: AuthorizationDetail): Json {
  return detail as unknown as Json;
}
