import {
  type Actor,
  type Claim,
  ended,
  type Grant,
  type GrantProposal,
  type ProtectedValue,
  type RecordDraft,
  standing,
} from '@countersign/contracts';
import { digestOf, type GrantId, type Json, type RecordId } from '@countersign/kernel';
import { type AuthorizationDetail, digestOfIntent } from '@countersign/market';

const source = 'consent-store';

export const grantThing = (id: GrantId): string => `grant:${id}`;

/** All of it decides (docs/adr/0043). */
export function grantClaim(grant: Grant): Claim {
  return { of: grantThing(grant.id), content: JSON.parse(JSON.stringify(grant)) as Json };
}

/** A person has allowed a client something: what exactly, in the words and digests of the intents that were shown. */
export function consentRecord(grant: Grant): RecordDraft {
  const { of, content } = grantClaim(grant);
  return {
    id: grant.recordId,
    type: 'consent.given',
    outcome: 'permit',
    ...circumstancesOf(grant),
    standing: [standing(of, content)],
    data: { grant: grant.id, version: grant.version, ...termsData(grant), expires_at: grant.expiresAt },
    protectedValues: protectedDetails(grant),
  };
}

/** A person was asked and said no. Nothing is kept but this. */
export function denialRecord(refused: Omit<GrantProposal, 'expiresAt'>, id: RecordId): RecordDraft {
  return {
    id,
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
export function changeRecord(grant: Grant, how: 'merge' | 'replace', previous: RecordId): RecordDraft {
  return { ...consentRecord(grant), type: 'grant.changed', references: [previous], data: changeData(grant, how) };
}

export function revocationRecord(
  { id, version, client, subject, institution, recordId }: Grant,
  by: Actor,
  reason: string,
  previous: RecordId | undefined,
): RecordDraft {
  return {
    id: recordId,
    type: 'grant.revoked',
    source,
    outcome: 'done',
    ...(previous === undefined ? {} : { references: [previous] }),
    standing: [ended(grantThing(id))],
    subject: by,
    client,
    data: { grant: id, version, client, subject, institution, reason },
  };
}

function changeData(grant: Grant, how: 'merge' | 'replace'): Json {
  return { how, grant: grant.id, version: grant.version, ...termsData(grant), expires_at: grant.expiresAt };
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
    source,
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
    ...(session === undefined ? {} : { session }),
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
