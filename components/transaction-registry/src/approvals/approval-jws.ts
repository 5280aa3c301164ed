import type { SignedStatement } from '@countersign/contracts';
import { hasType, parseCompactJws, type UnverifiedJws } from '@countersign/oauth';
import {
  type ApprovalClaims,
  type BatchClaims,
  type Claims,
  malformed,
  parseApprovalClaims,
  parseBatchClaims,
  type SignedItem,
} from './approval-claims.ts';

/** Explicit type, so that no other JWT is accepted as an approval (RFC 8725 section 3.11). */
const approvalType = 'countersign-approval+jwt';

export interface ApprovalJws {
  readonly jws: UnverifiedJws;
  readonly kid: string;
  readonly claims: ApprovalClaims;
  readonly item: SignedItem;
}

type BatchApprovalJws = Omit<ApprovalJws, 'item'> & BatchClaims;

export function parseApprovalJws(text: string): ApprovalJws {
  const { jws, kid } = parseSigned(text);
  return { jws, kid, ...parseApprovalClaims(jws.unverifiedClaims) };
}

export function parseBatchApprovalJws(text: string): BatchApprovalJws {
  const { jws, kid } = parseSigned(text);
  return { jws, kid, ...parseBatchClaims(jws.unverifiedClaims) };
}

function parseSigned(text: string) {
  const jws = parseCompactJws(text, (_, detail) => malformed(detail));
  const { alg, kid } = jws.header;
  if (!hasType(jws.header, approvalType)) throw malformed(`Its typ must be ${approvalType}.`);
  if (alg !== 'ES256' && alg !== 'EdDSA') throw malformed('Its alg must be ES256 or EdDSA.');
  if (kid === undefined) throw malformed('Its header names no kid.');
  return { jws, kid };
}

export const approvalStatementType = 'countersign-approval+webauthn';

export function parseApprovalStatement(statement: SignedStatement): {
  readonly claims: ApprovalClaims;
  readonly item: SignedItem;
} {
  return parseApprovalClaims(claimsOf(statement));
}

export function parseBatchApprovalStatement(statement: SignedStatement): BatchClaims {
  return parseBatchClaims(claimsOf(statement));
}

function claimsOf({ claims: { typ, ...claims } }: SignedStatement): Claims {
  if (typ !== approvalStatementType) throw malformed(`Its typ must be ${approvalStatementType}.`);
  return claims;
}
