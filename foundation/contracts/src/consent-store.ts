import { type Digest, errorVocabulary, type MandateId, type RecordId } from '@countersign/kernel';
import type { Constraints, Lei, MandateUse } from '@countersign/market';
import type { Actor } from './audit-log.ts';
import type { GrantRegister } from './grants.ts';

export type MandateStatus = 'proposed' | 'active' | 'suspended' | 'revoked';

/** One version of a mandate. Versions are never overwritten; each holds the digest of the one before. */
export interface Mandate {
  readonly id: MandateId;
  readonly version: number;
  readonly kind: 'mandate';
  readonly status: MandateStatus;
  readonly grantor: { readonly lei: Lei; readonly role: string };
  readonly grantee: { readonly lei: Lei; readonly role: string };
  /** The mandate this one is cut from, at the version that was checked. */
  readonly parent?: { readonly id: MandateId; readonly version: number };
  readonly constraints: Constraints;
  readonly legalBasis: { readonly type: string; readonly reference: string };
  /** SHA-256 of the terms document, shown at acceptance. */
  readonly termsHash: Digest;
  /** RFC 3339; effective time, beside the recorded time. */
  readonly effectiveFrom: string;
  readonly effectiveUntil: string;
  readonly recordedAt: string;
  readonly recordId: RecordId;
  /** Digest of the version before; absent on version 1. */
  readonly previousDigest?: Digest;
  /** Digest of this version over everything above. */
  readonly digest: Digest;
}

export interface MandateProposal {
  readonly grantor: { readonly lei: string; readonly role: string };
  readonly grantee: { readonly lei: string; readonly role: string };
  readonly parent?: string;
  readonly constraints: unknown;
  readonly legalBasis: { readonly type: string; readonly reference: string };
  readonly termsHash: string;
  readonly effectiveFrom: string;
  readonly effectiveUntil: string;
}

/** What a mandate is asked about: the facts of an intent, read from its authorization detail by `intentUse` (market). */
export interface MandateQuestion {
  readonly mandate: MandateId;
  /** The institution that acts under it: the grantee of the mandate, or of one cut from it. */
  readonly actingFor: Lei;
  readonly use: MandateUse;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Refuse to answer from anything older than this version. */
  readonly atLeastVersion?: number;
}

export type MandateAnswer =
  | {
      readonly stands: true;
      readonly mandate: Mandate;
      /** Every mandate that the answer rests on: from the one held by `actingFor` (the named or one cut from it) up to the root. */
      readonly chain: readonly Mandate[];
    }
  | {
      readonly stands: false;
      /** A code of {@link consentErrors} or one of `permits` (market), e.g. `mandate_venue`. */
      readonly reason: string;
      readonly detail: string;
      /** The mandate that was named, where there is one. */
      readonly mandate?: Mandate;
      /** The one of its line that does not stand or does not permit; its record says what ended it. */
      readonly atFault?: Mandate;
    };

export const consentErrors = errorVocabulary({
  mandate_invalid: 'invalid',
  mandate_not_found: 'not-found',
  mandate_wider: 'forbidden',
  mandate_parent_not_active: 'conflict',
  mandate_state: 'conflict',
  mandate_revoked: 'conflict',
  mandate_suspended: 'conflict',
  mandate_not_accepted: 'conflict',
  mandate_expired: 'conflict',
  mandate_not_effective: 'conflict',
  mandate_grantee: 'forbidden',
  not_a_signatory: 'forbidden',
  idempotency_conflict: 'conflict',
  terms_hash_mismatch: 'conflict',
});

export interface ConsentStore {
  readonly grants: GrantRegister;
  /** Ids of every mandate cut from this one, directly or further down, itself included. */
  withDescendants(id: MandateId): Promise<readonly MandateId[]>;
  /** @param by must be a principal of the grantor's institution holding the role `signatory`. */
  propose(proposal: MandateProposal, by: Actor, idempotencyKey: string): Promise<Mandate>;
  /** @param by must be a signatory of the grantee. Naming the terms hash shows that the terms were seen. */
  accept(id: MandateId, terms: { readonly termsHash: string }, by: Actor): Promise<Mandate>;
  /** Suspending and resuming are the grantor's. A reason stays in the evidence for good: it must not name people. */
  suspend(id: MandateId, by: Actor, reason: string): Promise<Mandate>;
  resume(id: MandateId, by: Actor, reason: string): Promise<Mandate>;
  /** By either party. Ends the mandate and with it, at once, everything cut from it. Repeating it returns the first result. */
  revoke(id: MandateId, by: Actor, reason: string): Promise<Mandate>;
  find(id: MandateId): Promise<Mandate | undefined>;
  /** All versions, oldest first. */
  history(id: MandateId): Promise<readonly Mandate[]>;
  /** The newest versions of mandates the institution grants or holds, by id; at most 1,000, from the one after `after`. */
  list(institution: Lei, page?: { readonly after?: MandateId; readonly limit?: number }): Promise<readonly Mandate[]>;
  /** Does this mandate, with everything above it, allow this use at this time? Answers from memory on the hot path. */
  check(question: MandateQuestion): Promise<MandateAnswer>;
}
