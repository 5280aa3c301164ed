import type { AuditAppender, Decision, Directory } from '@countersign/contracts';
import { type CodedError, isCodedError, type Json, type RecordId, sha256Base64Url } from '@countersign/kernel';
import type { AccessTokenClaims } from '@countersign/oauth';
import type { Established } from '../established.ts';
import type { Authority } from '../grants/grant-handler.ts';
import { reasonOf } from '../refusal.ts';
import type { StandingMandate } from './check-mandate.ts';
import type { TokenTransaction } from './open-transaction.ts';

/** Everyone who acts, as the record names them. */
export function describeAuthority(authority: Authority, directory: ReturnType<Directory['snapshot']>): Established {
  return {
    subject: { id: authority.subject, institution: authority.institution },
    actors: authority.actors.map((id) => {
      const institution = directory.principal(id)?.institution;
      return institution === undefined ? { id } : { id, institution };
    }),
    authentication: authority.authentication,
    references: authority.references,
  };
}

/** Everything a token rests on, each record once: a bundle of evidence carries them too. */
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
  readonly decision: Decision;
  readonly authority: Authority;
}

/** Makes the issue durable. The token itself is not in the record, only what it says and its hash. */
export async function recordIssue(issued: IssuedToken, established: Established, audit: AuditAppender): Promise<void> {
  const { claims, decision, authority } = issued;
  const { continues } = authority;
  await audit.append({
    ...established,
    id: issued.recordId,
    type: continues === undefined ? 'token.issued' : 'token.exchanged',
    source: 'authorization-server',
    outcome: 'permit',
    data: {
      grant_type: issued.grantType,
      claims: asJson(claims),
      token_sha256: sha256Base64Url(issued.accessToken),
      decision: summaryOf(decision),
      ...(continues === undefined
        ? {}
        : {
            subject_token: {
              jti: continues.tokenId,
              record: continues.evidence,
              claims_digest: continues.claimsDigest,
            },
          }),
      ...(authority.provenance === undefined ? {} : { provenance: authority.provenance }),
    },
  });
}

/** Makes a refusal durable. Without an error it is a fault of ours that ended the request. */
export async function recordRefusal(
  refused: { readonly recordId: RecordId; readonly grantType: string; readonly error: CodedError | undefined },
  established: Established,
  audit: AuditAppender,
): Promise<void> {
  const { error } = refused;
  await audit.append({
    ...established,
    id: refused.recordId,
    type: isCodedError(error, 'invalid_client') ? 'client.refused' : 'token.refused',
    source: 'authorization-server',
    outcome: 'deny',
    reason: error === undefined ? 'internal_error' : reasonOf(error),
    data: {
      grant_type: refused.grantType,
      ...(error === undefined ? {} : { error: error.code, detail: error.detail }),
    },
  });
}

function summaryOf(decision: Decision): Json {
  return {
    id: decision.id,
    decision: decision.decision,
    determining: decision.determining,
    reasons: decision.reasons.map(({ code, detail }) => ({ code, detail })),
    entity_version: decision.entityVersion,
    input_digest: decision.inputDigest,
  };
}

/** Claims are JSON by construction: parsed from it, or put together from strings and whole numbers. */
function asJson(claims: AccessTokenClaims): Json {
  return { ...claims } as unknown as Json;
}
