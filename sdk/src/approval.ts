import {
  type Clock,
  type Digest,
  digestOf,
  epochSeconds,
  type Random,
  systemClock,
  systemRandom,
} from '@countersign/kernel';
import { encodeHeader, signCompactJws } from '@countersign/oauth/signatures';
import type { SigningKey } from './keys.ts';

/** The terms of an approval besides the approved intent. */
export interface ApprovalTerms {
  /** Principal id of the approver, e.g. `person:anna.keller`. */
  readonly approver: string;
  /** Validity of the approval, at most one hour. */
  readonly lifeSeconds: number;
  /** The role of the approval, for people with several: `supervisor`, `desk-head`, `risk`, `compliance` or `operations`. */
  readonly role?: string;
}

/** One transaction, and the digest of the intent that the approver was shown. */
export interface ApprovedItem {
  readonly transaction: string;
  readonly intentDigest: string;
}

interface From {
  readonly clock?: Clock;
  readonly random?: Random;
}

/**
 * Signs an approval of exactly one intent. If a field of the intent changes later, the digest no longer matches and the
 * approval does not apply.
 *
 * @returns a compact JWS, `typ` `countersign-approval+jwt`
 */
export function signApproval(
  approval: ApprovalTerms & ApprovedItem,
  key: SigningKey,
  from: From = {},
): Promise<string> {
  return sign(approval, itemClaims(approval), key, from);
}

/**
 * Signs one approval of several intents, each of which the approver was shown. All count or none: omitting, adding, changing or
 * moving an item gives another root.
 *
 * @param items 1 to 100, in the order in which they were shown, each transaction once
 * @returns a compact JWS, `typ` `countersign-approval+jwt`
 */
export function signBatchApproval(
  approval: ApprovalTerms & { readonly items: readonly ApprovedItem[] },
  key: SigningKey,
  from: From = {},
): Promise<string> {
  return sign(approval, { items: approval.items.map(itemClaims), root: batchRoot(approval.items) }, key, from);
}

/** The digest of a batch: SHA-256 over the canonical form (RFC 8785) of its items, in their order. */
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
    ...(role === undefined ? {} : { role }),
    iat: now,
    exp: now + lifeSeconds,
    jti: Buffer.from(random.bytes(16)).toString('base64url'),
  };
  return signCompactJws(
    encodeHeader({ alg: key.algorithm, typ: 'countersign-approval+jwt', kid: key.kid }),
    claims,
    async (input) => key.sign(input),
  );
}
