import {
  type AuditAppender,
  type Decision,
  type Directory,
  ended,
  openDecision,
  type ProtectedValue,
  permittedAt,
  permittedIntent,
  protectedDecision,
  type RecordDraft,
  standing,
} from '@countersign/contracts';
import { defined, type Json, type RecordId, sha256Base64Url, type TransactionId } from '@countersign/kernel';
import type { AccessTokenClaims } from '@countersign/oauth';
import type { Established } from '../client-endpoint/index.ts';
import { type Authority, type Companions, type Continuation, endedWith } from '../grant-handler.ts';
import type { StandingMandate } from './check-mandate.ts';
import type { TokenTransaction } from './open-transaction.ts';

/** For the record. */
export function describeAuthority(authority: Authority, directory: ReturnType<Directory['snapshot']>): Established {
  return {
    subject: { id: authority.subject, institution: authority.institution },
    actors: authority.actors.map((id) => {
      const institution = directory.principal(id)?.institution;
      return institution === undefined ? { id } : { id, institution };
    }),
    authentication: authority.authentication,
    ...(authority.partner === undefined ? {} : { partner: authority.partner.institution }),
    references: authority.references,
  };
}

/** Each once; evidence bundles contain them. */
export function groundsOf(
  decision: Decision,
  mandate: StandingMandate | undefined,
  transaction: TokenTransaction | undefined,
  authority: Authority,
): readonly RecordId[] {
  const opening = transaction?.recordId === undefined ? [] : [transaction.recordId];
  return [...new Set([decision.policyRecord, ...(mandate?.chainRecords ?? []), ...opening, ...authority.references])];
}

export interface IssuedToken {
  readonly recordId: RecordId;
  readonly grantType: string;
  readonly claims: AccessTokenClaims;
  readonly accessToken: string;
  readonly companions: Companions | undefined;
  readonly decision: Decision;
  readonly authority: Authority;
  /** The owner of the interface, for a token with an intent. */
  readonly permitted?: { readonly transaction: TransactionId; readonly institution: string } | undefined;
}

/** The record has hashes of tokens, and the claims that an access token has or would have. */
export async function recordIssue(issued: IssuedToken, established: Established, audit: AuditAppender): Promise<void> {
  const { claims, decision, authority } = issued;
  const { continues, requested, institution } = authority;
  const { authorization_details: details, ...said } = claims;
  await audit.append({
    ...established,
    id: issued.recordId,
    type: continues === undefined ? 'token.issued' : 'token.exchanged',
    source: 'authorization-server',
    outcome: 'permit',
    ...defined({ device: authority.device }),
    ...standingsOf(issued),
    data: {
      grant_type: issued.grantType,
      claims: asJson(said),
      ...(requested === undefined ? {} : { issued_token_type: requested.tokenType }),
      token_sha256: sha256Base64Url(issued.accessToken),
      ...hashesOf(issued.companions),
      decision: openDecision(decision),
      ...(authority.grant === undefined ? {} : { grant: { id: authority.grant.id, version: authority.grant.version } }),
      ...defined({ subject_token: subjectTokenOf(continues), provenance: authority.provenance }),
    },
    protectedValues: [...protectedDetails(details, institution), ...protectedDecision(decision, institution)],
  });
}

function subjectTokenOf(continues: Continuation | undefined) {
  if (continues === undefined) return undefined;
  const { tokenId: jti, evidence: record, claimsDigest, tokenHash } = continues;
  return { jti, record, claims_digest: claimsDigest, token_sha256: tokenHash };
}

/** What ends with the token, and its new authority: an exchange gives only that of one more institution. */
function standingsOf({ recordId, authority, permitted }: IssuedToken): Partial<RecordDraft> {
  const { continues, usedUp } = authority;
  const names =
    permitted === undefined
      ? []
      : [
          ...(continues === undefined ? [permittedIntent(permitted.transaction)] : []),
          permittedAt(permitted.transaction, permitted.institution),
        ];
  const standings = [...endedWith(usedUp).map(ended), ...names.map((name) => standing(name, { record: recordId }))];
  return standings.length === 0 ? {} : { standing: standings };
}

/** The details disclose trading intentions. */
function protectedDetails(
  details: AccessTokenClaims['authorization_details'],
  institution: string,
): readonly ProtectedValue[] {
  if (details === undefined) return [];
  return [
    { path: '/data/claims/authorization_details', kind: 'strategy', subject: institution, value: details.map(asJson) },
  ];
}

function hashesOf(companions: Companions | undefined): { readonly [name: string]: Json } {
  const hash = (token: string | undefined) => (token === undefined ? undefined : sha256Base64Url(token));
  return defined({
    refresh_token_sha256: hash(companions?.refresh_token),
    id_token_sha256: hash(companions?.id_token),
  });
}

/** Claims are JSON by construction: parsed from JSON, or built from strings and integers. */
export function asJson(claims: object): Json {
  // See above.
  return { ...claims } as unknown as Json;
}
