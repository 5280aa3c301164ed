import { errorVocabulary, type RecordId } from '@countersign/kernel';
import type { Actor, EvidenceQuery } from './audit-log.ts';
import type { RetentionClass } from './record-types.ts';

export { type RetentionClass, retentionClasses, retentionClassOf } from './record-types.ts';

/** What a legal hold keeps: records that a query finds, now and later. `types`, `from` and `until` narrow it. */
export type HoldScope = Omit<EvidenceQuery, 'after' | 'limit'>;

/** A stretch of the bodies of one class that may go: all of it is older than its retention asks. */
export interface PruneOrder {
  readonly class: RetentionClass;
  /** Records before this moment, milliseconds since the epoch. */
  readonly before: number;
  /** What stays although it is old. */
  readonly holds: readonly HoldScope[];
  /**
   * The place in the log up to which holds and schedule were looked at. Where one was recorded after it, nothing more
   * goes: the order of the log decides between a hold and a deletion, whichever node is asked for which.
   */
  readonly asOf: bigint;
  /** The record that allows it. */
  readonly authority: RecordId;
  readonly by: Actor;
}

/** Keys to be destroyed. `asOf`, `authority` and `by` as in {@link PruneOrder}. */
export interface EraseOrder extends Pick<PruneOrder, 'asOf' | 'authority' | 'by'> {
  readonly keys: readonly string[];
}

export interface ClassSurvey {
  readonly class: RetentionClass;
  /** Records whose bodies are there, and their bytes. */
  readonly records: number;
  readonly bytes: number;
  /** Of them, those before the given moment; and of those, the ones a hold keeps. */
  readonly due: number;
  readonly held: number;
  /** RFC 3339. */
  readonly oldest?: string;
}

export interface PruneReport {
  readonly class: RetentionClass;
  readonly pruned: number;
  /** Old enough, and kept by a hold. */
  readonly held: number;
  /** Old enough, and kept because records that are kept rest on them. */
  readonly needed: number;
  /** The `log.pruned` records that say which. */
  readonly records: readonly RecordId[];
}

/** Keys under which protected values of a subject are kept, and until when their records must be. */
export interface SubjectKey {
  readonly key: string;
  readonly subject: string;
  readonly region: string;
  readonly class: RetentionClass;
  readonly year: number;
  readonly values: number;
  /** RFC 3339; time of the newest record with a value under it. */
  readonly newest: string;
  readonly erasedAt?: string;
}

/**
 * What the audit log lets the keeper of its retention do, and nobody else. Each step is recorded by the log before it
 * takes effect, names its authority, and leaves every hash: whatever was proved stays proved.
 */
export interface LogCustody {
  /** @param before for each class: what would be due then; absent, nothing of it is due */
  survey(
    before: Readonly<Partial<Record<RetentionClass, number>>>,
    holds: readonly HoldScope[],
  ): Promise<readonly ClassSurvey[]>;
  /**
   * Removes bodies, a slice at a time. A `log.pruned` record lists each slice first, with the root over its leaf hashes.
   * The same order given again goes on where it was left.
   *
   * @param signal ends it after the slice under way
   * @throws CodedError `custody_outdated` when a hold or a schedule was recorded after `asOf`: look again, and give the
   *   order anew; `custody_unauthorized` when the authority is no record that allows this
   */
  prune(order: PruneOrder, onProgress?: (done: number, of: number) => void, signal?: AbortSignal): Promise<PruneReport>;
  keysOf(subject: string): Promise<readonly SubjectKey[]>;
  /** Does a hold keep any record with a value under these keys? Its scopes that do. */
  heldKeys(keys: readonly string[], holds: readonly HoldScope[]): Promise<readonly HoldScope[]>;
  /**
   * Destroys keys, and what is kept under them. An `erasure.completed` record names them first.
   *
   * @returns how many values went
   * @throws CodedError as {@link prune}
   */
  erase(order: EraseOrder): Promise<number>;
  /** Carries out what was recorded as removed by a process that died before it was. */
  settle(): Promise<void>;
}

/** Laws that firms keep records by. Years are what the text asks at least. */
export const retentionPresets = ['sec-17a-4', 'cftc-1.31', 'mifir-25', 'own'] as const;
export type RetentionPreset = (typeof retentionPresets)[number];

/** For how long each class is kept, by the longest of the presets chosen and the firm's own years. */
export interface RetentionSchedule {
  readonly version: number;
  readonly presets: readonly RetentionPreset[];
  /** Years by the firm's own rule; never less than a chosen preset asks. */
  readonly years: Readonly<Record<Exclude<RetentionClass, 'custody'>, number>>;
}

export interface LegalHold {
  readonly id: string;
  readonly scope: HoldScope;
  /** Why, in words; court or authority and reference. */
  readonly matter: string;
  readonly placedBy: Actor;
  /** RFC 3339. */
  readonly placedAt: string;
  readonly releasedBy?: Actor;
  readonly releasedAt?: string;
}

export const retentionErrors = errorVocabulary({
  retention_malformed: 'invalid',
  retention_too_short: 'invalid',
  retention_not_simulated: 'conflict',
  proposal_not_found: 'not-found',
  proposal_settled: 'conflict',
  proposal_outdated: 'conflict',
  own_proposal: 'forbidden',
  /** One of the two people invited the other to enrol a key. */
  approver_not_independent: 'forbidden',
  /** Who proposed it has left, moved, or may no longer propose it: it has ended. */
  proposer_gone: 'conflict',
  hold_not_found: 'not-found',
  hold_released: 'conflict',
  hold_by_its_subject: 'forbidden',
  hold_same_person: 'forbidden',
  erasure_too_early: 'conflict',
  erasure_held: 'conflict',
  subject_without_values: 'not-found',
  /** The scope finds nothing, and whoever placed it did not say that it is meant for what is to come. */
  hold_finds_nothing: 'conflict',
  /** What was judged is no longer all there is: a hold or a schedule came after it. */
  custody_outdated: 'conflict',
  custody_unauthorized: 'forbidden',
  /** The evidence is kept by the operator: nobody else decides how long. */
  retention_of_the_operator: 'forbidden',
});
