import { errorVocabulary, type RecordId } from '@countersign/kernel';
import type { Actor, EvidenceQuery } from './audit-log.ts';
import type { RetentionClass } from './record-types.ts';

export { type RetentionClass, retentionClasses, retentionClassOf } from './record-types.ts';

/** The scope of a legal hold: present and future records that match a query, narrowed by `types`, `from` and `until`. */
export type HoldScope = Omit<EvidenceQuery, 'after' | 'limit'>;

/** An order to remove record bodies of one class whose retention has ended. */
export interface PruneOrder {
  readonly class: RetentionClass;
  /** Only records before this time, in milliseconds since the epoch. */
  readonly before: number;
  /** Scopes of legal holds; matching records are kept. */
  readonly holds: readonly HoldScope[];
  /**
   * The log position up to which holds and schedule were read. Pruning stops when the log has a later one. The order of the log
   * decides between a hold and a deletion, whichever nodes carry them out.
   */
  readonly asOf: bigint;
  /** The record that authorizes the order. */
  readonly authority: RecordId;
  readonly by: Actor;
}

/** An order to destroy keys. `asOf`, `authority` and `by` as in {@link PruneOrder}. */
export interface EraseOrder extends Pick<PruneOrder, 'asOf' | 'authority' | 'by'> {
  readonly keys: readonly string[];
}

export interface ClassSurvey {
  readonly class: RetentionClass;
  /** Number of records with bodies, and their size in bytes. */
  readonly records: number;
  readonly bytes: number;
  /** How many of them are before the given time, and how many of those a hold keeps. */
  readonly due: number;
  readonly held: number;
  /** RFC 3339. */
  readonly oldest?: string;
}

export interface PruneReport {
  readonly class: RetentionClass;
  readonly pruned: number;
  /** Old enough, but kept by a hold. */
  readonly held: number;
  /** Old enough, but kept because other kept records refer to them. */
  readonly needed: number;
  /** The `log.pruned` records that list the removed bodies. */
  readonly records: readonly RecordId[];
}

/** Keys that encrypt a subject's protected values, and until when their records must be kept. */
export interface SubjectKey {
  readonly key: string;
  readonly subject: string;
  readonly region: string;
  readonly class: RetentionClass;
  readonly year: number;
  readonly values: number;
  /** RFC 3339; time of the newest record with a value under this key. */
  readonly newest: string;
  readonly erasedAt?: string;
}

/**
 * Removal of evidence, available only to the component in charge of retention. The log records each step, with its authority,
 * before it takes effect. All hashes stay, so existing proofs remain valid.
 */
export interface LogCustody {
  /**
   *
   * @param before for each class: the time before which records count as due; none when absent
   */
  survey(
    before: Readonly<Partial<Record<RetentionClass, number>>>,
    holds: readonly HoldScope[],
  ): Promise<readonly ClassSurvey[]>;
  /**
   * Removes bodies in slices. A `log.pruned` record first lists each slice with the root over its leaf hashes. Repeating the
   * order continues it.
   *
   * @param signal stops after the current slice
   * @throws CodedError `custody_outdated` when a hold or schedule was recorded after `asOf`: evaluate again and give a new order;
   * `custody_unauthorized` when the record in `authority` does not authorize this
   */
  prune(order: PruneOrder, onProgress?: (done: number, of: number) => void, signal?: AbortSignal): Promise<PruneReport>;
  keysOf(subject: string): Promise<readonly SubjectKey[]>;
  /** The scopes of holds that keep a record with a value under these keys; empty when there is none. */
  heldKeys(keys: readonly string[], holds: readonly HoldScope[]): Promise<readonly HoldScope[]>;
  /**
   * Destroys keys and the values encrypted with them. An `erasure.completed` record names them first.
   *
   * @returns how many values were destroyed
   * @throws CodedError as {@link prune}
   */
  erase(order: EraseOrder): Promise<number>;
  /** Completes removals that were recorded by a process that crashed before carrying them out. */
  settle(): Promise<void>;
}

/** Record-keeping rules of regulators, with the minimum years in their text. */
export const retentionPresets = ['sec-17a-4', 'cftc-1.31', 'mifir-25', 'own'] as const;
export type RetentionPreset = (typeof retentionPresets)[number];

/** Retention of each class: the longest of the chosen presets and the firm's own years. */
export interface RetentionSchedule {
  readonly version: number;
  readonly presets: readonly RetentionPreset[];
  /** Years by the firm's own rule; never less than a chosen preset requires. */
  readonly years: Readonly<Record<Exclude<RetentionClass, 'custody'>, number>>;
}

export interface LegalHold {
  readonly id: string;
  readonly scope: HoldScope;
  /** Reason in words: court or authority, and reference. */
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
  /** Proposer and approver are not independent: one invited the other to enrol a key. */
  approver_not_independent: 'forbidden',
  /** The proposer has left, moved, or may no longer propose it; the proposal has ended. */
  proposer_gone: 'conflict',
  hold_not_found: 'not-found',
  hold_released: 'conflict',
  hold_by_its_subject: 'forbidden',
  hold_same_person: 'forbidden',
  erasure_too_early: 'conflict',
  erasure_held: 'conflict',
  subject_without_values: 'not-found',
  /** The scope matches no record, and the request does not state that it is meant for future records. */
  hold_finds_nothing: 'conflict',
  /** A hold or schedule was recorded after the evaluation. */
  custody_outdated: 'conflict',
  custody_unauthorized: 'forbidden',
  /** The operator stores the evidence, so only the operator decides its retention. */
  retention_of_the_operator: 'forbidden',
});
