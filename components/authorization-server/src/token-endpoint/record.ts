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
import { type Json, type RecordId, sha256Base64Url, type TransactionId } from '@countersign/kernel';
import type { AccessTokenClaims } from '@countersign/oauth';
import type { Established } from '../client-endpoint/index.ts';
import { type Authority, type Companions, endedWith } from '../grant-handler.ts';
import type { StandingMandate } from './check-mandate.ts';
import type { TokenTransaction } from './open-transaction.ts';

/** All acting parties, as the record names them. */
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

/** All records that a token is based on, each once; an evidence bundle contains them too. */
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
  /** The owner of the interface, if it is for an intent of its own. */
  readonly permitted?: { readonly transaction: TransactionId; readonly institution: string } | undefined;
}

/**
 * Makes the issue durable. The record contains no token, only the hash of each and the claims of the access token. For
 * another token type it contains the claims that an access token would have, so that every exchange can be traced in the
 * same way.
 */
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
    ...(authority.device === undefined ? {} : { device: authority.device }),
    ...standingsOf(issued),
    data: {
      grant_type: issued.grantType,
      claims: asJson(said),
      ...(requested === undefined ? {} : { issued_token_type: requested.tokenType }),
      token_sha256: sha256Base64Url(issued.accessToken),
      ...hashesOf(issued.companions),
      decision: openDecision(decision),
      ...(authority.grant === undefined ? {} : { grant: { id: authority.grant.id, version: authority.grant.version } }),
      ...(continues === undefined
        ? {}
        : {
            subject_token: {
              jti: continues.tokenId,
              record: continues.evidence,
              claims_digest: continues.claimsDigest,
              token_sha256: continues.tokenHash,
            },
          }),
      ...(authority.provenance === undefined ? {} : { provenance: authority.provenance }),
    },
    protectedValues: [...protectedDetails(details, institution), ...protectedDecision(decision, institution)],
  });
}

/**
 * What ends with the token, and the authority to act on its intent from now on. An exchanged token passes the intent to one
 * more institution and gives no new authority.
 */
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

/** Restricted, because the details reveal what the institution intends to trade. */
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
  return {
    ...(companions?.refresh_token === undefined
      ? {}
      : { refresh_token_sha256: sha256Base64Url(companions.refresh_token) }),
    ...(companions?.id_token === undefined ? {} : { id_token_sha256: sha256Base64Url(companions.id_token) }),
  };
}

/** Claims are JSON by construction: parsed from JSON, or built from strings and integers. */
export function asJson(claims: object): Json {
  return { ...claims } as unknown as Json;
}
