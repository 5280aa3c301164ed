import {
  type ApprovalId,
  type DecisionId,
  errorVocabulary,
  type IntentDigest,
  type MandateId,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';

/** RFC 8725 section 3.11: no other token can be taken for an envelope. */
export const envelopeType = 'countersign-envelope+jwt';
/** HTTP field in which it travels. */
export const envelopeHeader = 'countersign-envelope';
/** FIX ComplianceText (2404). The envelope is ASCII: EncodedComplianceTextLen and EncodedComplianceText (2351, 2352) stay unused. */
export const envelopeFixTag = 2404;

/**
 * Who acts, for whom, on what authority and on which exact intent: references to records alone, so that nothing
 * personal travels. Signed by the control plane that keeps the transaction; a compact JWS.
 */
export interface IdentityEnvelope {
  readonly issuer: string;
  /** Seconds since the epoch. */
  readonly issuedAt: number;
  /** At most an hour after; what it says of the transaction is true as of `issuedAt`. */
  readonly expiresAt: number;
  /** The record of its issue. */
  readonly record: RecordId;
  readonly transaction: TransactionId;
  readonly state: string;
  /** How many transitions there had been. */
  readonly version: number;
  readonly intentDigest: IntentDigest;
  readonly intentType: string;
  /** Who began it: an opaque reference (a keyed digest of the principal id), and the institution's LEI. */
  readonly subject: { readonly ref: string; readonly institution: string };
  /** The acting chain after the subject, newest first: institutions and opaque references. */
  readonly actors: readonly { readonly ref: string; readonly institution?: string }[];
  /** From the one held by the acting institution up to the root. */
  readonly mandates: readonly { readonly id: MandateId; readonly version: number; readonly digest?: string }[];
  readonly approvals: readonly { readonly id: ApprovalId; readonly record: RecordId }[];
  readonly decisions: readonly {
    readonly id?: DecisionId;
    readonly record: RecordId;
    readonly policyVersion?: number;
  }[];
  /** Begun by a person, or by an agent without one. */
  readonly mode: 'manual' | 'automatic';
}

/** What the receiver of a message knows and an envelope must agree with. */
export interface EnvelopeExpectations {
  readonly issuer: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly transaction?: string;
  /** Taken from the canonical form of the intent that was received: a changed field does not pass. */
  readonly intentDigest?: string;
}

/** Longest envelope in characters: it fits one header field of the servers in use. */
export const maxEnvelopeLength = 8_192;
/** Longest time from issue to expiry. */
export const maxEnvelopeSeconds = 3_600;

/** Most of what an envelope names. */
export const envelopeBounds = { actors: 16, mandates: 16, approvals: 32, decisions: 32 } as const;

export const envelopeErrors = errorVocabulary({
  envelope_malformed: 'invalid',
  /** It names more than fits; nothing is left out silently. */
  envelope_too_large: 'too-large',
  envelope_signature: 'invalid',
  envelope_key_unknown: 'invalid',
  envelope_issuer: 'invalid',
  envelope_expired: 'invalid',
  envelope_transaction: 'conflict',
  envelope_intent: 'conflict',
});
