import type { RecordDraft, RecordedOnce } from '@countersign/contracts';
import type { CodedError, Json, RecordId } from '@countersign/kernel';
import type pg from 'pg';
import type { ProvenKind, RecordedKind } from './recorded-things.ts';

export interface Given<Ask, Row, Facts> {
  readonly ask: Ask;
  /** The locked row; undefined when there is none yet. */
  readonly row: Row | undefined;
  readonly facts: Facts;
  /** Milliseconds since the epoch; the same for the whole command. */
  readonly now: number;
  /** Whether the row first had to be written from its record, because the previous command was interrupted. */
  readonly completed: boolean;
}

/** Input for the record of a refusal. */
export interface Known<Ask, Row, Facts> extends Pick<Given<Ask, Row, Facts>, 'ask' | 'row'> {
  /** Undefined when reading them failed. */
  readonly facts: Facts | undefined;
}

export interface Judged<Ask, Row, Facts, Found> extends Given<Ask, Row, Facts> {
  readonly found: Found;
}

/** The command's part of the record. The new state is added to its data as `after` and to its standings. */
export type RecordContent = Omit<RecordDraft, 'id' | 'source' | 'data'> & {
  readonly data: Readonly<Record<string, Json>>;
};

export interface Recorded extends RecordedOnce {
  readonly record: RecordId;
}

/**
 * The steps of a command in their order. A step throws to end the command; errors of {@link facts} to {@link next} are recorded as
 * refusals. `Keeping` defines how the thing is locked, recorded and written.
 */
export interface Steps<Session, Ask, Row, Facts, Found, Next, Said, Answer> {
  /** Reads other data under the lock. Takes other locks first, in the one order of the component. */
  readonly facts: (session: Session, given: Omit<Given<Ask, Row, Facts>, 'facts'>) => Promise<Facts>;
  /** The answer if the command was carried out before; undefined otherwise. */
  readonly done: (given: Given<Ask, Row, Facts>) => Answer | undefined;
  /** All checks. @returns their results, as far as later steps need them */
  readonly check: (given: Given<Ask, Row, Facts>, session: Session) => Promise<Found>;
  /** The record id, the same for every repetition of the command. @param previous record of the previous change */
  readonly once: (given: Judged<Ask, Row, Facts, Found>, previous: RecordId | undefined) => RecordId;
  /** The next state. @param record of the change, for states that contain it */
  readonly next: (given: Judged<Ask, Row, Facts, Found>, record: RecordId) => Promise<Next> | Next;
  /** Notifies people who must know before anybody can use the change; may run again. */
  readonly before: (given: Judged<Ask, Row, Facts, Found>, next: Next) => Promise<void>;
  readonly record: (given: Judged<Ask, Row, Facts, Found>, next: Next, record: RecordId) => Said;
  /**
   * Writes other rows in the same transaction, such as the version that an approved candidate becomes. Not called again after a
   * crash between record and commit: the owner of those rows completes them from the record.
   */
  readonly alongside?: (session: Session, given: Judged<Ask, Row, Facts, Found>, recorded: Recorded) => Promise<void>;
  /** The record of a refusal; undefined when the error is not recorded. */
  readonly refused: (error: CodedError, known: Known<Ask, Row, Facts>) => RecordDraft | undefined;
  /** Runs after the commit and after each repetition; idempotent. @param next undefined when the command was done before */
  readonly after: (given: Given<Ask, Row, Facts>, next: Next | undefined) => Promise<void>;
  readonly release: (next: Next, recorded: Recorded) => Promise<Answer> | Answer;
}

/**
 * A command that changes one recorded thing. Its record contains the whole state.
 *
 * The record is durable before the row is written, and the row before the answer. After a crash in between, the next reader writes
 * the row from the record, and `done` answers a repetition of the command.
 */
export interface Command<Ask, Id extends string, State, Row extends State, Facts, Answer>
  // The record id is derived from the previous change.
  extends Omit<Steps<pg.PoolClient, Ask, Row, Facts, void, State, RecordContent, Answer>, 'once' | 'after'> {
  readonly kind: RecordedKind<Id, State, Row> | ProvenKind<Id, State, Row>;
  readonly about: (ask: Ask) => Id;
  /**
   * How to treat a row that was altered, or that is missing and cannot be restored: refused by default; `none` when the command
   * rewrites or ends it.
   */
  readonly unproven?: 'refused' | 'none';
  /** Whether the thing has ended afterwards. */
  readonly ends: (next: State) => boolean;
  /** Runs after the commit and after each repetition; idempotent. */
  readonly after: (given: Given<Ask, Row, Facts>, next: State) => Promise<void>;
}

export interface Commands {
  /**
   * Carries out a command, once.
   *
   * @throws errors of its steps; CodedError `authority_unproven` when the row was altered; `log_unavailable` or
   *   `database_unavailable`: the command may be recorded then, and is completed by the next reader
   */
  run<Ask, Id extends string, State, Row extends State, Facts, Answer>(
    command: Command<Ask, Id, State, Row, Facts, Answer>,
    ask: Ask,
  ): Promise<Answer>;
}
