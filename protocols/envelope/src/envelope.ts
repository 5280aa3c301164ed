import {
  type ApprovalId,
  type DecisionId,
  errorVocabulary,
  type IntentDigest,
  type MandateId,
  type RecordId,
  type TransactionId,
} from '@countersign/kernel';

export const envelopeType = 'countersign-envelope+jwt';
/** HTTP field of the envelope. */
export const envelopeHeader = 'countersign-envelope';
/** FIX ComplianceText (2404). The envelope is ASCII, so EncodedComplianceTextLen and EncodedComplianceText (2351, 2352) are unused. */
export const envelopeFixTag = 2404;

/** Who acts, for whom, on what authority and on which exact intent: references to records, without personal data. */
export interface IdentityEnvelope {
  readonly issuer: string;
  readonly issuedAt: number;
  /** At most an hour later. The state of the transaction is as of `issuedAt`. */
  readonly expiresAt: number;
  readonly record: RecordId;
  readonly transaction: TransactionId;
  readonly state: string;
  readonly version: number;
  readonly intentDigest: IntentDigest;
  readonly intentType: string;
  /** The initiator: an opaque reference (a keyed digest of the principal id), and the institution's LEI. */
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
  /** Initiated by a person, or by an agent without a person. */
  readonly mode: 'manual' | 'automatic';
}

/** Facts from the message that an envelope must match. */
export interface EnvelopeExpectations {
  readonly issuer: string;
  readonly now: number;
  readonly transaction?: string;
  readonly intentDigest?: string;
}

/** Maximum length in characters; fits into one header field of common servers. */
export const maxEnvelopeLength = 8_192;
/** Maximum time from issue to expiry. */
export const maxEnvelopeSeconds = 3_600;

export const envelopeBounds = { actors: 16, mandates: 16, approvals: 32, decisions: 32 } as const;

export const envelopeErrors = errorVocabulary({
  envelope_malformed: 'invalid',
  envelope_too_large: 'too-large',
  envelope_signature: 'invalid',
  envelope_key_unknown: 'invalid',
  envelope_issuer: 'invalid',
  envelope_expired: 'invalid',
  envelope_transaction: 'conflict',
  envelope_intent: 'conflict',
});
