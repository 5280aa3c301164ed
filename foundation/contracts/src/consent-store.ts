import { type Digest, errorVocabulary, type MandateId, type RecordId } from '@countersign/kernel';
import type { AuthorizationDetail, Constraints, Lei, MandateUse } from '@countersign/market';
import type { Actor } from './audit-log.ts';
import type { GrantRegister } from './grants.ts';
import type { SignatureAlgorithm } from './signer.ts';

/**
 * What an authority is: a mandate to act; a single instruction (used once, for one exact intent); a standing authority
 * that renews nobody's attention; an agreement by which a client is taken on; a rule between three, none of whom can
 * change it without the others.
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

/** The parts that institutions have in a mandate; `thirdParty` in a tri-party rule alone, and there always. */
export const mandateParts = ['grantor', 'grantee', 'thirdParty'] as const;
export type MandatePart = (typeof mandateParts)[number];

export interface MandateParty {
  readonly lei: Lei;
  /** Party role (Common Domain Model). */
  readonly role: string;
}

/** What the parties are bound by. Its digest is what each of them consents to. */
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

/** The word of an institution, given by a person or service that may bind it. */
export interface MandateConsent {
  readonly part: MandatePart;
  readonly lei: Lei;
  /** Principal id of the signatory. */
  readonly signatory: string;
  /** On whose authority: a signatory who binds alone, or one who binds together with a second. */
  readonly authority: 'sole' | 'joint';
  /** Digest of the {@link MandateTerms} that the signatory was shown. */
  readonly termsDigest: Digest;
  /** RFC 3339. */
  readonly at: string;
  readonly recordId: RecordId;
}

/**
 * Other terms that have been proposed for a mandate. Until every party has consented, the present terms stand.
 *
 * `counterparty-change`: one of the parties is replaced (novation); the one that leaves consents too.
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
  /** By whose word the terms stand; those of a version made before consents were kept are an empty list. */
  readonly consents: readonly MandateConsent[];
  readonly amendment?: MandateAmendment;
  /**
   * The version by which the present grantee took it over from another; absent where it was given to them. What was cut
   * from the mandate before that was cut by somebody who held it no more, even where they hold it again.
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

/** What an amendment changes; what is left out stays. Kind and parent cannot be changed. */
export interface AmendmentProposal {
  readonly constraints?: unknown;
  readonly legalBasis?: { readonly type: string; readonly reference: string };
  readonly termsHash?: string;
  readonly effectiveFrom?: string;
  readonly effectiveUntil?: string;
  /** A change of counterparty; with it nothing else but legal basis and terms hash may change. */
  readonly replace?: { readonly part: string; readonly by: { readonly lei: string; readonly role: string } };
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

/** "Was it valid at T for intent I, as far as was known at R?" */
export interface ValidityQuestion {
  readonly mandate: MandateId;
  readonly actingFor: Lei;
  readonly detail: AuthorizationDetail;
  /** The scope it is used for; the one that begins such an intent when left out. */
  readonly action?: string;
  /** Effective time, milliseconds since the epoch: past or future. */
  readonly at: number;
  /** Recorded time, milliseconds since the epoch: nothing recorded after it counts. Everything known when left out. */
  readonly knownAt?: number;
}

/** What a partner holds of a mandate. */
export interface MandateCopy {
  readonly id: string;
  readonly version: number;
  readonly digest: string;
}

/** How a partner's copy differs from ours. */
export interface MandateDrift {
  readonly id: string;
  /**
   * `unknown-here`: no such mandate, or not theirs to know; `behind`: an older version of ours; `differs`: a version of
   * ours with other content, or one we have never had; `missing-there`: one that was not in what they sent.
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
  /** An instruction is good for one intent: it has been used, or this is another. */
  mandate_instruction_used: 'conflict',
  /** The signatory's authority does not reach this kind or this amount. */
  signatory_authority: 'forbidden',
  /** The same signatory cannot give the second signature. */
  signatory_repeated: 'conflict',
  not_a_signatory: 'forbidden',
  idempotency_conflict: 'conflict',
  terms_hash_mismatch: 'conflict',
  /** Another amendment waits for consents. */
  amendment_pending: 'conflict',
  amendment_not_found: 'not-found',
});

export interface MandateListing {
  /** In any part, as grantor, grantee or third party; or in one that an amendment which waits would give it. */
  readonly institution: Lei;
  readonly status?: MandateStatus;
  readonly kind?: MandateKind;
  /** Milliseconds since the epoch: only those that end before it. */
  readonly endingBefore?: number;
  readonly after?: MandateId;
  /** At most 1,000. */
  readonly limit?: number;
}

export interface ConsentStore {
  readonly grants: GrantRegister;
  /** Ids of every mandate cut from this one, directly or further down, itself included. */
  withDescendants(id: MandateId): Promise<readonly MandateId[]>;
  /**
   * @param by a signatory of the grantor: their word is the first consent. A joint signatory's proposal waits for a
   *   second one's.
   */
  propose(proposal: MandateProposal, by: Actor, idempotencyKey: string): Promise<Mandate>;
  /**
   * Consents to a proposed mandate for the caller's institution; with the last consent it becomes active.
   *
   * A consent counts while whoever gave it may bind the institution: in the place of a signatory who has left before
   * the last consent was given, another one consents. A mandate that was cut from another is checked against it again.
   *
   * @param terms naming the terms hash shows that the terms were seen
   * @param by a signatory of a party whose consent is wanted
   */
  accept(id: MandateId, terms: { readonly termsHash: string }, by: Actor): Promise<Mandate>;
  /**
   * Proposes other terms. What was agreed stays in force until every party has consented ({@link acceptAmendment}).
   * A mandate that was cut from another is checked against it again.
   *
   * @param by a signatory of any party; their word is the first consent
   */
  amend(id: MandateId, change: AmendmentProposal, by: Actor, idempotencyKey: string): Promise<Mandate>;
  /**
   * Consents to the amendment that waits; with the last consent its terms are the mandate's. What was cut from the
   * mandate is not rewritten: {@link check} asks every mandate of a line, and of a grantee who was replaced nothing
   * that they have cut stands any longer. A party whose registration is RETIRED is not asked (succession).
   *
   * @param terms.termsDigest of {@link MandateAmendment}: so that nothing else is consented to
   */
  acceptAmendment(id: MandateId, terms: { readonly termsDigest: string }, by: Actor): Promise<Mandate>;
  /** By any party, or whoever the amendment would make one. */
  withdrawAmendment(id: MandateId, by: Actor, reason: string): Promise<Mandate>;
  /**
   * Suspending and resuming are the grantor's, also of a rule between three. A reason stays in the evidence for good: it
   * must not name people.
   */
  suspend(id: MandateId, by: Actor, reason: string): Promise<Mandate>;
  /** @param by a signatory of the grantor who binds alone, and as far as the mandate goes: it gives authority back */
  resume(id: MandateId, by: Actor, reason: string): Promise<Mandate>;
  /** By any party. Ends the mandate and with it, at once, everything cut from it. Repeating it returns the first result. */
  revoke(id: MandateId, by: Actor, reason: string): Promise<Mandate>;
  find(id: MandateId): Promise<Mandate | undefined>;
  /** All versions, oldest first. */
  history(id: MandateId): Promise<readonly Mandate[]>;
  /** The newest versions, by id. */
  list(listing: MandateListing): Promise<readonly Mandate[]>;
  /**
   * Does this mandate, with everything above it, allow this use at this time? Answers from memory on the hot path.
   *
   * An agreement by which a client is taken on permits nothing (`mandate_action`). That an instruction is used once is
   * for whoever uses it to see to: `mandate.kind` says what it is. Where `actingFor` is not the grantee of the mandate
   * named, at most 256 of the mandates it holds below are looked through, those that are active first.
   */
  check(question: MandateQuestion): Promise<MandateAnswer>;
  /**
   * {@link check} for a whole intent, at any time, as known at any time. Reads the history; not for the hot path.
   *
   * What happened to a mandate counts from when it was recorded. An acceptance that is known speaks for the time before
   * it too, from `effectiveFrom` on; an amendment does not.
   */
  validate(question: ValidityQuestion): Promise<MandateAnswer>;
  /**
   * Compares what a partner holds with what stands here, and records the comparison.
   *
   * @param copies at most 10,000, each mandate once
   * @param options.complete whether `copies` is all they hold: then what is missing there and is not over is told too,
   *   at most 10,000
   */
  compareCopies(
    institution: Lei,
    copies: readonly MandateCopy[],
    by: Actor,
    options?: { readonly complete?: boolean },
  ): Promise<readonly MandateDrift[]>;
}
