import type { SignedStatement } from '@countersign/contracts';
import {
  type ApprovalClaims,
  type BatchClaims,
  type Claims,
  malformed,
  parseApprovalClaims,
  parseBatchClaims,
  type SignedItem,
} from './approval-claims.ts';

/** No other statement of a person can be taken for an approval. */
export const approvalStatementType = 'countersign-approval+webauthn';

/** @throws CodedError `approval_malformed` */
export function parseApprovalStatement(statement: SignedStatement): {
  readonly claims: ApprovalClaims;
  readonly item: SignedItem;
} {
  return parseApprovalClaims(claimsOf(statement));
}

/** @throws CodedError `approval_malformed` */
export function parseBatchApprovalStatement(statement: SignedStatement): BatchClaims {
  return parseBatchClaims(claimsOf(statement));
}

function claimsOf({ claims: { typ, ...claims } }: SignedStatement): Claims {
  if (typ !== approvalStatementType) throw malformed(`Its typ must be ${approvalStatementType}.`);
  return claims;
}
