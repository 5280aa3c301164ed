import { type ApproverRole, approverRoles, transactionErrors } from '@countersign/contracts';
import { type CodedError, type Digest, type Json, parseDigest, parseId, type TransactionId } from '@countersign/kernel';
import { parseCompactJws, type UnverifiedJws } from '@countersign/oauth';

/** RFC 8725 section 3.11: no other token can be taken for an approval. */
const approvalType = 'countersign-approval+jwt';

/** What an approver signs. */
export interface ApprovalClaims {
  /** The approver, by principal id. */
  readonly iss: string;
  readonly txn: TransactionId;
  readonly intentDigest: Digest;
  /** In which of their roles they approve, where they say so. */
  readonly role?: ApproverRole;
  /** Seconds since the epoch. */
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
}

/** An approval taken apart. Nothing in it is believed before its signature has been verified. */
export interface ApprovalJws {
  readonly jws: UnverifiedJws;
  readonly kid: string;
  readonly claims: ApprovalClaims;
}

/** @throws CodedError `approval_malformed` */
export function parseApprovalJws(text: string): ApprovalJws {
  const jws = parseCompactJws(text, (_, detail) => malformed(detail));
  const { typ, alg, kid } = jws.header;
  if (typ !== approvalType) throw malformed(`Its typ must be ${approvalType}.`);
  if (alg !== 'ES256' && alg !== 'EdDSA') throw malformed('Its alg must be ES256 or EdDSA.');
  if (kid === undefined) throw malformed('Its header names no kid.');
  return { jws, kid, claims: parseClaims(jws.unverifiedClaims) };
}

const names = new Set(['iss', 'txn', 'intent_digest', 'decision', 'role', 'iat', 'exp', 'jti']);

function parseClaims(claims: Readonly<Record<string, Json>>): ApprovalClaims {
  const stranger = Object.keys(claims).some((name) => !names.has(name));
  // What is signed is what is counted: a claim that nobody reads might be the condition the approver meant.
  if (stranger) throw malformed(`It holds claims beside ${[...names].join(', ')}.`);
  const { iss, txn, intent_digest, decision, role: named, iat, exp, jti } = claims;
  if (decision !== 'approve') throw malformed('Its decision must be "approve".');
  const transaction = parseId('transaction', txn);
  const intentDigest = parseDigest(intent_digest);
  if (transaction === undefined) throw malformed('Its txn is not a transaction id.');
  if (intentDigest === undefined) throw malformed('Its intent_digest is not a SHA-256 digest in base64url.');
  if (typeof iss !== 'string' || iss.length > 128) throw malformed('Its iss is not a principal id.');
  if (typeof jti !== 'string' || !/^[\x21-\x7e]{8,128}$/.test(jti))
    throw malformed('Its jti is not 8 to 128 visible ASCII characters.');
  const role = approverRoles.find((one) => one === named);
  if (named !== undefined && role === undefined) throw malformed(`Its role is none of ${approverRoles.join(', ')}.`);
  if (!isTime(iat) || !isTime(exp)) throw malformed('Its iat and exp are not times in whole seconds.');
  if (exp <= iat) throw malformed('Its exp is not later than its iat.');
  return { iss, txn: transaction, intentDigest, ...(role === undefined ? {} : { role }), iat, exp, jti };
}

/** Up to the year 9999, so that nothing computed from it leaves the range of dates. */
function isTime(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < 253_402_300_800;
}

function malformed(detail: string): CodedError {
  return transactionErrors.error('approval_malformed', `This is not an approval. ${detail}`);
}
