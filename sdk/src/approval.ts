import {
  type Clock,
  type Digest,
  defined,
  digestOf,
  epochSeconds,
  type Random,
  systemClock,
  systemRandom,
} from '@countersign/kernel';
import { encodeHeader, signCompactJws } from '@countersign/oauth/signatures';
import { freshJti, type SigningKey, signJwt } from './keys.ts';

export interface ApprovalTerms {
  /** Principal id, e.g. `person:anna.keller`. */
  readonly approver: string;
  /** At most one hour. */
  readonly lifeSeconds: number;
  /** For people with several: `supervisor`, `desk-head`, `risk`, `compliance` or `operations`. */
  readonly role?: string;
}

/** The digest of the intent that the approver was shown. */
export interface ApprovedItem {
  readonly transaction: string;
  readonly intentDigest: string;
}

interface From {
  readonly clock?: Clock;
  readonly random?: Random;
}

/** Signs an approval of exactly one intent. @returns a compact JWS, `typ` `countersign-approval+jwt` */
export function signApproval(
  approval: ApprovalTerms & ApprovedItem,
  key: SigningKey,
  from: From = {},
): Promise<string> {
  return sign(approval, itemClaims(approval), key, from);
}

/** A key with a certificate, e.g. on a smart card. */
export interface CertifiedKey {
  readonly algorithm: 'ES256' | 'EdDSA' | 'PS256';
  /** DER: the certificate of the key first, then its authorities up to the one that is trusted. */
  readonly certificates: readonly Uint8Array[];
  /** DER of an OCSP response for each certificate below the trusted authority, at most ten minutes old. */
  readonly statuses: readonly Uint8Array[];
  /** @returns the signature in JOSE form */
  sign(octets: Uint8Array): Promise<Uint8Array>;
}

/** Signs an approval of exactly one intent with a certificate. @returns a compact JWS, `typ` `countersign-approval+x509` */
export function signCertifiedApproval(
  approval: ApprovalTerms & ApprovedItem,
  key: CertifiedKey,
  from: From = {},
): Promise<string> {
  return signCertified('countersign-approval+x509', claimsOf(approval, itemClaims(approval), from), key);
}

/**
 * Confirms intents with a certificate, for the sign-in page that shows them. @param stepUp.challenge as the page shows it @returns
 * a compact JWS, `typ` `countersign-step-up+x509`
 */
export function signStepUp(
  stepUp: {
    /** Principal id. */
    readonly person: string;
    readonly issuer: string;
    readonly challenge: string;
    /** Digests, in the order of the page. */
    readonly intents: readonly string[];
  },
  key: CertifiedKey,
  { clock = systemClock }: From = {},
): Promise<string> {
  const { person: iss, issuer: aud, challenge, intents } = stepUp;
  return signCertified(
    'countersign-step-up+x509',
    { iss, aud, challenge, intents, iat: epochSeconds(clock.now()) },
    key,
  );
}

function signCertified(
  typ: string,
  claims: object,
  { algorithm: alg, certificates, statuses, sign }: CertifiedKey,
): Promise<string> {
  const base64 = (der: Uint8Array): string => Buffer.from(der).toString('base64');
  const header = encodeHeader({ alg, typ, x5c: certificates.map(base64), ocsp: statuses.map(base64) });
  return signCompactJws(claims, header, sign);
}

/**
 * Signs one approval of several intents. All count or none: any change to the items gives another root. @param items 1
 * to 100, in the order in which they were shown, each transaction once @returns a compact JWS, `typ`
 * `countersign-approval+jwt`
 */
export function signBatchApproval(
  approval: ApprovalTerms & { readonly items: readonly ApprovedItem[] },
  key: SigningKey,
  from: From = {},
): Promise<string> {
  return sign(approval, { items: approval.items.map(itemClaims), root: batchRoot(approval.items) }, key, from);
}

/** SHA-256 over the canonical form (RFC 8785) of the items. */
export function batchRoot(items: readonly ApprovedItem[]): Digest {
  return digestOf(items.map(itemClaims));
}

function itemClaims({ transaction, intentDigest }: ApprovedItem) {
  return { txn: transaction, intent_digest: intentDigest };
}

function sign(approval: ApprovalTerms, approved: object, key: SigningKey, from: From): Promise<string> {
  return signJwt(key, 'countersign-approval+jwt', claimsOf(approval, approved, from));
}

function claimsOf(
  { approver, lifeSeconds, role }: ApprovalTerms,
  approved: object,
  { clock = systemClock, random = systemRandom }: From,
) {
  const now = epochSeconds(clock.now());
  return {
    iss: approver,
    ...approved,
    decision: 'approve',
    ...defined({ role }),
    iat: now,
    exp: now + lifeSeconds,
    jti: freshJti(random),
  };
}
