import { type Digest, errorVocabulary, type MandateId, type RecordId } from '@countersign/kernel';
import type { AuthorizationDetail, Constraints, Lei, MandateRefusal, MandateUse } from '@countersign/market';
import type { Actor } from './audit-log.ts';
import type { GrantRegister } from './grants.ts';
import type { SignatureAlgorithm } from './signer.ts';

/**
 * Kinds of authority: a mandate to act; an instruction for one exact intent, used once; a standing authority; a client onboarding
 * agreement; a rule between three parties that changes only with the consent of all three.
 */
export const mandateKinds = [
  'mandate',
  'instruction',
  'standing-authority',
  'onboarding-agreement',
  'tri-party-rule',
] as const;
export type MandateKind = (typeof mandateKinds)[number];

export const mandateStatuses = ['proposed', 'active', 'suspended', 'revoked', 'expired'] as const;
export type MandateStatus = (typeof mandateStatuses)[number];

/** Parties of a mandate. Tri-party rules, and only they, have a `thirdParty`. */
export const mandateParts = ['grantor', 'grantee', 'thirdParty'] as const;
export type MandatePart = (typeof mandateParts)[number];

export interface MandateParty {
  readonly lei: Lei;
  /** Party role (Common Domain Model). */
  readonly role: string;
}

/** The binding terms. Each party consents to their digest. */
export interface MandateTerms {
  readonly kind: MandateKind;
  readonly grantor: MandateParty;
  readonly grantee: MandateParty;
  readonly thirdParty?: MandateParty;
  /** The mandate this one is cut from, at the version that was checked, by the digest of that version. */
  readonly parent?: { readonly id: MandateId; readonly version: number; readonly digest?: Digest };
  readonly constraints: Constraints;
  readonly legalBasis: { readonly type: string; readonly reference: string };
  /** SHA-256 of the terms document, shown at acceptance. */
  readonly termsHash: Digest;
  /** RFC 3339; effective time, beside the recorded time. */
  readonly effectiveFrom: string;
  readonly effectiveUntil: string;
}

/** An institution's consent, given by a person or service with authority to bind it. */
export interface MandateConsent {
  readonly part: MandatePart;
  readonly lei: Lei;
  /** Principal id of the signatory. */
  readonly signatory: string;
  /** Whether the signatory binds alone or together with a second one. */
  readonly authority: 'sole' | 'joint';
  /** Digest of the {@link MandateTerms} that the signatory was shown. */
  readonly termsDigest: Digest;
  /** RFC 3339. */
  readonly at: string;
  readonly recordId: RecordId;
}

/**
 * Proposed new terms for a mandate. The present terms stay in force until every party has consented.
 * `counterparty-change`: one of the parties is replaced (novation); the departing party also consents.
 */
export interface MandateAmendment {
  readonly kind: 'amendment' | 'counterparty-change';
  readonly terms: MandateTerms;
  readonly termsDigest: Digest;
  readonly consents: readonly MandateConsent[];
  /** RFC 3339. */
  readonly proposedAt: string;
  readonly recordId: RecordId;
}

/** One version of a mandate. Versions are never overwritten; each is signed and holds the digest of the one before. */
export interface Mandate extends MandateTerms {
  readonly id: MandateId;
  readonly version: number;
  readonly status: MandateStatus;
  /** The consents to these terms; empty for versions that predate stored consents. */
  readonly consents: readonly MandateConsent[];
  readonly amendment?: MandateAmendment;
  /**
   * The version in which the present grantee took the mandate over; absent for the original grantee. Sub-mandates from earlier
   * versions were granted by a former holder and end, even if that holder has taken the mandate over again.
   */
  readonly heldFrom?: number;
  /** RFC 3339: when this version became known. */
  readonly recordedAt: string;
  readonly recordId: RecordId;
  /** Digest of the version before; absent on version 1. */
  readonly previousDigest?: Digest;
  /** SHA-256 over the canonical form (RFC 8785) of everything above. */
  readonly digest: Digest;
  /** Over the UTF-8 bytes of the digest's text, with a key of the purpose `mandate`. Absent on versions older than signing. */
  readonly signature?: {
    readonly kid: string;
    readonly algorithm: SignatureAlgorithm /** base64url */;
    readonly value: string;
  };
}

export interface MandateProposal {
  /** `mandate` when left out. */
  readonly kind?: string;
  readonly grantor: { readonly lei: string; readonly role: string };
  readonly grantee: { readonly lei: string; readonly role: string };
  readonly thirdParty?: { readonly lei: string; readonly role: string };
  readonly parent?: string;
  readonly constraints: unknown;
  readonly legalBasis: { readonly type: string; readonly reference: string };
  readonly termsHash: string;
  readonly effectiveFrom: string;
  readonly effectiveUntil: string;
}

/** Changes of an amendment; absent members stay as they are. Kind and parent cannot change. */
export interface AmendmentProposal {
  readonly constraints?: unknown;
  readonly legalBasis?: { readonly type: string; readonly reference: string };
  readonly termsHash?: string;
  readonly effectiveFrom?: string;
  readonly effectiveUntil?: string;
  /** A change of counterparty, together with which only legal basis and terms hash may change. */
  readonly replace?: { readonly part: string; readonly by: { readonly lei: string; readonly role: string } };
}

/** A question about a mandate: the facts of an intent, read from its authorization detail by `intentUse` (market). */
export interface MandateQuestion {
  readonly mandate: MandateId;
  /** The institution that acts under it: the grantee of the mandate or of a sub-mandate. */
  readonly actingFor: Lei;
  readonly use: MandateUse;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Do not answer from an older version. */
  readonly atLeastVersion?: number;
}

/** Why a mandate permits no use now: it does not exist, has ended, or is not this institution's. */
export type MandateFault =
  | 'mandate_not_found'
  | 'mandate_grantee'
  | 'mandate_revoked'
  | 'mandate_suspended'
  | 'mandate_not_accepted'
  | 'mandate_expired'
  | 'mandate_not_effective'
  | 'mandate_parent_not_active';

export type MandateAnswer =
  | {
      readonly valid: true;
      readonly mandate: Mandate;
      /** Every mandate the answer depends on: from the one held by `actingFor` (the named mandate or a sub-mandate) up to the root. */
      readonly chain: readonly Mandate[];
    }
  | {
      readonly valid: false;
      /** A {@link MandateFault}, or what `permits` (market) does not find permitted, e.g. `mandate_venue`. */
      readonly reason: MandateFault | MandateRefusal;
      readonly detail: string;
      /** The named mandate, if it exists. */
      readonly mandate?: Mandate;
      /** The mandate of the chain that has ended or does not permit the use; its record gives the cause. */
      readonly atFault?: Mandate;
    };

/** "Was it valid at T for intent I, as far as was known at R?" */
export interface ValidityQuestion {
  readonly mandate: MandateId;
  readonly actingFor: Lei;
  readonly detail: AuthorizationDetail;
  /** The scope of the use; when left out, the scope that starts such an intent. */
  readonly action?: string;
  /** Effective time, milliseconds since the epoch: past or future. */
  readonly at: number;
  /** Recorded time, milliseconds since the epoch: later records are ignored. Now when left out. */
  readonly knownAt?: number;
}

export interface MandateCopy {
  readonly id: string;
  readonly version: number;
  readonly digest: string;
}

/** How a partner's copy differs from ours. */
export interface MandateDrift {
  readonly id: string;
  /**
   * `unknown-here`: no such mandate, or the partner is no party to it; `behind`: an older version of ours; `differs`: other content
   * or a version that we never had; `missing-there`: the partner has no copy.
   */
  readonly kind: 'unknown-here' | 'behind' | 'differs' | 'missing-there';
  readonly theirs?: { readonly version: number; readonly digest: string };
  readonly ours?: { readonly version: number; readonly digest: Digest; readonly status: MandateStatus };
}

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
  /** An instruction permits one intent: it was used already, or the intent differs. */
  mandate_instruction_used: 'conflict',
  /** The signatory's authority does not cover this kind or amount. */
  signatory_authority: 'forbidden',
  /** The same signatory cannot give the second signature. */
  signatory_repeated: 'conflict',
  not_a_signatory: 'forbidden',
  idempotency_conflict: 'conflict',
  terms_hash_mismatch: 'conflict',
  /** Another amendment is awaiting consents. */
  amendment_pending: 'conflict',
  amendment_not_found: 'not-found',
});

export interface MandateListing {
  /** Party to the mandate (grantor, grantee or third party), now or by a pending amendment. */
  readonly institution: Lei;
  readonly status?: MandateStatus;
  readonly kind?: MandateKind;
  /** Only mandates that end before this time, in milliseconds since the epoch. */
  readonly endingBefore?: number;
  readonly after?: MandateId;
  /** At most 1,000. */
  readonly limit?: number;
}

export interface ConsentStore {
  readonly grants: GrantRegister;
  /** Ids of this mandate and all its direct and indirect sub-mandates. */
  withDescendants(id: MandateId): Promise<readonly MandateId[]>;
  /**
   * @param by a signatory of the grantor, whose proposal is the first consent. A joint signatory's proposal awaits a
   *   second signatory.
   */
  propose(proposal: MandateProposal, by: Actor, idempotencyKey: string): Promise<Mandate>;
  /**
   * Consents to a proposed mandate for the caller's institution; with the last consent it becomes active.
   *
   * A consent counts only while its signatory may bind the institution. If a signatory leaves before the last consent, another one
   * must consent. A sub-mandate is compared with its parent again.
   *
   * @param terms the terms hash shows that the signatory has seen the terms
   * @param by a signatory of a party whose consent is outstanding
   */
  accept(id: MandateId, terms: { readonly termsHash: string }, by: Actor): Promise<Mandate>;
  /**
   * Proposes other terms. The agreed terms stay in force until every party has consented ({@link acceptAmendment}).
   * A sub-mandate is compared with its parent again.
   *
   * @param by a signatory of any party, whose proposal is the first consent
   */
  amend(id: MandateId, change: AmendmentProposal, by: Actor, idempotencyKey: string): Promise<Mandate>;
  /**
   * Consents to the pending amendment, which takes effect with the last consent. Sub-mandates are not rewritten: {@link check}
   * tests every mandate of the chain, and sub-mandates of a replaced grantee end. A party whose LEI is RETIRED need not consent
   * (succession).
   *
   * @param terms.termsDigest of {@link MandateAmendment}: so that the consent covers nothing else
   */
  acceptAmendment(id: MandateId, terms: { readonly termsDigest: string }, by: Actor): Promise<Mandate>;
  /** For any current party, or a party that the amendment would add. */
  withdrawAmendment(id: MandateId, by: Actor, reason: string): Promise<Mandate>;
  /**
   * Only the grantor suspends and resumes, also in tri-party rules. The reason stays in the evidence permanently and must not name
   * people.
   */
  suspend(id: MandateId, by: Actor, reason: string): Promise<Mandate>;
  /** @param by a signatory of the grantor who alone may bind it to the whole mandate, because resuming restores authority */
  resume(id: MandateId, by: Actor, reason: string): Promise<Mandate>;
  /** For any party. Immediately ends the mandate and all sub-mandates. Repeating it returns the first result. */
  revoke(id: MandateId, by: Actor, reason: string): Promise<Mandate>;
  find(id: MandateId): Promise<Mandate | undefined>;
  /** All versions, oldest first. */
  history(id: MandateId): Promise<readonly Mandate[]>;
  /** The newest versions, by id. */
  list(listing: MandateListing): Promise<readonly Mandate[]>;
  /**
   * Whether this mandate and its parents permit this use at this time. Answers from memory on the hot path.
   *
   * An onboarding agreement permits nothing (`mandate_action`). The caller must make sure that an instruction (`mandate.kind`) is
   * used once. If `actingFor` is not the grantee of the named mandate, at most 256 of its sub-mandates are searched, active ones
   * first.
   */
  check(question: MandateQuestion): Promise<MandateAnswer>;
  /**
   * {@link check} for a whole intent at any effective time, by what was recorded at any time. Reads the history; not for the hot
   * path.
   *
   * Changes count from their recorded time. An acceptance also covers the time before it, from `effectiveFrom` on; an amendment
   * does not.
   */
  validate(question: ValidityQuestion): Promise<MandateAnswer>;
  /**
   * Compares a partner's copies with ours and records the comparison.
   *
   * @param copies at most 10,000, each mandate once
   * @param options.complete whether `copies` is complete: then mandates in force that the partner lacks are reported too,
   *   at most 10,000
   */
  compareCopies(
    institution: Lei,
    copies: readonly MandateCopy[],
    by: Actor,
    options?: { readonly complete?: boolean },
  ): Promise<readonly MandateDrift[]>;
}
