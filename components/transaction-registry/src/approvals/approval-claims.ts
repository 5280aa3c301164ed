import { type ApproverRole, approverRoles, type SignedStatement, transactionErrors } from '@countersign/contracts';
import {
  type CodedError,
  type Digest,
  decodeBase64Url,
  defined,
  digestOf,
  type Json,
  membersOf,
  parseDigest,
  parseId,
  parseJson,
  type TransactionId,
} from '@countersign/kernel';
import { hasType, parseCompactJws, type UnverifiedJws } from '@countersign/oauth';
import { readCertificateSignature } from '@countersign/oauth/certificate-signature';

/** Most transactions under one signature; each must be reviewed. */
export const maxBatch = 100;

export interface SignedItem {
  readonly txn: TransactionId;
  readonly intentDigest: Digest;
}

export interface ApprovalClaims {
  readonly iss: string;
  readonly role?: ApproverRole;
  readonly iat: number;
  readonly exp: number;
  readonly jti: string;
}

export interface BatchClaims {
  readonly claims: ApprovalClaims;
  /** In the order in which they were shown; each transaction once. */
  readonly items: readonly SignedItem[];
  /** As the signer computed it; see {@link batchRoot}. */
  readonly root: Digest;
}

type Claims = Readonly<Record<string, Json>>;

const commonNames = ['iss', 'decision', 'role', 'iat', 'exp', 'jti'] as const;
const names = [...commonNames, 'txn', 'intent_digest'] as const;
const batchNames = [...commonNames, 'items', 'root'] as const;

function parseApprovalClaims(claims: Claims): { readonly claims: ApprovalClaims; readonly item: SignedItem } {
  refuseUnknown(claims, names);
  return { claims: parseClaims(claims), item: parseItem(claims) };
}

function parseBatchClaims(claims: Claims): BatchClaims {
  refuseUnknown(claims, batchNames);
  const root = parseDigest(claims['root']);
  if (root === undefined) throw malformed('Its root is not a SHA-256 digest in base64url.');
  return { claims: parseClaims(claims), items: parseItems(claims['items']), root };
}

function malformed(detail: string): CodedError {
  return transactionErrors.error('approval_malformed', `This is not an approval. ${detail}`);
}

/** Refuses unknown claims: an ignored claim might be a condition that the approver meant. */
function refuseUnknown(claims: Claims, known: readonly string[]): void {
  if (Object.keys(claims).some((name) => !known.includes(name)))
    throw malformed(`It has claims other than ${known.join(', ')}.`);
}

function parseClaims({ iss, decision, role: named, iat, exp, jti }: Claims): ApprovalClaims {
  if (decision !== 'approve') throw malformed('Its decision must be "approve".');
  if (typeof iss !== 'string' || iss.length > 128) throw malformed('Its iss is not a principal id.');
  if (typeof jti !== 'string' || !/^[\x21-\x7e]{8,128}$/.test(jti))
    throw malformed('Its jti is not 8 to 128 visible ASCII characters.');
  const role = approverRoles.find((one) => one === named);
  if (named !== undefined && role === undefined) throw malformed(`Its role is none of ${approverRoles.join(', ')}.`);
  if (!isTime(iat) || !isTime(exp)) throw malformed('Its iat and exp are not times in whole seconds.');
  if (exp <= iat) throw malformed('Its exp is not later than its iat.');
  return { iss, ...defined({ role }), iat, exp, jti };
}

function parseItems(value: Json | undefined): readonly SignedItem[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxBatch)
    throw malformed(`Its items are not a list of 1 to ${maxBatch}.`);
  const items = value.map((item: Json) => {
    if (!isObject(item) || Object.keys(item).some((name) => name !== 'txn' && name !== 'intent_digest'))
      throw malformed('An item holds txn and intent_digest, and nothing else.');
    return parseItem(item);
  });
  if (new Set(items.map(({ txn }) => txn)).size < items.length) throw malformed('It names a transaction twice.');
  return items;
}

function parseItem({ txn, intent_digest }: Claims): SignedItem {
  const transaction = parseId('transaction', txn);
  const intentDigest = parseDigest(intent_digest);
  if (transaction === undefined) throw malformed('Its txn is not a transaction id.');
  if (intentDigest === undefined) throw malformed('Its intent_digest is not a SHA-256 digest in base64url.');
  return { txn: transaction, intentDigest };
}

function isObject(value: Json): value is Claims {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Up to the year 9999, so that nothing computed from it leaves the range of dates. */
function isTime(value: Json | undefined): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value < 253_402_300_800;
}

/** The digest of a batch: SHA-256 over the canonical form (RFC 8785) of the list of `{ txn, intent_digest }` in the order shown. */
export function batchRoot(items: readonly SignedItem[]): Digest {
  return digestOf(items.map(({ txn, intentDigest }) => ({ txn, intent_digest: intentDigest })));
}

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

/** A JWS by the key of a certificate, which its header holds. */
export const certifiedApprovalType = 'countersign-approval+x509';

/** Whether the text claims to be signed with a certificate. Nothing is verified. */
export function isCertified(text: string): boolean {
  const header = decodeBase64Url(text.slice(0, Math.max(0, text.indexOf('.'))));
  const parsed = header === undefined ? undefined : parseJson(header.toString('utf8'), { maxLength: header.length });
  const typ = parsed?.ok === true ? membersOf(parsed.value)?.['typ'] : undefined;
  return typeof typ === 'string' && hasType({ typ }, certifiedApprovalType);
}

/** Claims of a JWS whose signature has been verified, or will be. */
export function parseCertifiedApproval(text: string): { readonly claims: ApprovalClaims; readonly item: SignedItem } {
  return parseApprovalClaims(claimsInCertified(text));
}

export function parseCertifiedBatch(text: string): BatchClaims {
  return parseBatchClaims(claimsInCertified(text));
}

function claimsInCertified(text: string): Claims {
  return readCertificateSignature(text, certifiedApprovalType, (_, detail) => malformed(detail)).jws.unverifiedClaims;
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
