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

function sign(
  { approver, lifeSeconds, role }: ApprovalTerms,
  approved: object,
  key: SigningKey,
  { clock = systemClock, random = systemRandom }: From,
): Promise<string> {
  const now = epochSeconds(clock.now());
  const claims = {
    iss: approver,
    ...approved,
    decision: 'approve',
    ...defined({ role }),
    iat: now,
    exp: now + lifeSeconds,
    jti: freshJti(random),
  };
  return signJwt(key, 'countersign-approval+jwt', claims);
}
