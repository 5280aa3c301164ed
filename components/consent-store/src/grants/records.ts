import type { RecordContent } from '@countersign/commands';
import type { Actor, Grant, GrantProposal, ProtectedValue, RecordDraft } from '@countersign/contracts';
import { defined, digestOf, type Json, plainJson, type RecordId } from '@countersign/kernel';
import { digestOfIntent } from '@countersign/market';

export const source = 'consent-store';

/** The record of a consent, with the intents that were shown and their digests. */
export function consentSaying(grant: Grant): RecordContent {
  return {
    type: 'consent.given',
    outcome: 'permit',
    ...circumstancesOf(grant),
    data: { grant: grant.id, version: grant.version, ...termsData(grant), expires_at: grant.expiresAt },
    protectedValues: protectedDetails(grant),
  };
}

/** The record of a denied request; nothing else is stored. */
export function denialRecord(refused: Omit<GrantProposal, 'expiresAt'>, id: RecordId): RecordDraft {
  return {
    id,
    source,
    type: 'consent.denied',
    outcome: 'deny',
    // The error code for the client (RFC 6749 section 4.1.2.1).
    reason: 'access_denied',
    ...circumstancesOf(refused),
    data: termsData(refused),
    protectedValues: protectedDetails(refused),
  };
}

export function changeSaying(grant: Grant, how: 'merge' | 'replace', previous: RecordId): RecordContent {
  const { data, ...given } = consentSaying(grant);
  return { ...given, type: 'grant.changed', references: [previous], data: { how, ...data } };
}

export function revocationSaying(
  { id, version, client, subject, institution }: Grant,
  by: Actor,
  reason: string,
  previous: RecordId,
): RecordContent {
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

/** The terms without the intents; see {@link protectedDetails}. */
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

/** The intents as restricted values, because they reveal what the institution will trade. */
function protectedDetails(shown: Omit<GrantProposal, 'expiresAt'>): readonly ProtectedValue[] {
  const { details, applicationDetails = [], institution } = shown;
  const intents = details.map((detail) => ({
    type: detail.type,
    intent_digest: digestOfIntent(detail),
    detail: plainJson(detail),
  }));
  const others = applicationDetails.map((detail) => ({ type: detail.type, detail_digest: digestOf(detail), detail }));
  const kept = { kind: 'strategy', subject: institution } as const;
  return [
    ...(intents.length === 0 ? [] : [{ path: '/data/details', ...kept, value: intents }]),
    ...(others.length === 0 ? [] : [{ path: '/data/application_details', ...kept, value: others }]),
  ];
}
