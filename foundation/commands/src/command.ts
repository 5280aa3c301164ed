import type { RecordDraft, RecordedOnce } from '@countersign/contracts';
import type { CodedError, Json, RecordId } from '@countersign/kernel';
import type pg from 'pg';
import type { ProvenKind, RecordedKind } from './recorded-things.ts';

/** What is known when a command is judged, decided and recorded. */
export interface Given<Ask, Row, Facts> {
  readonly ask: Ask;
  /** The thing as it stands, locked; undefined where there is none yet. */
  readonly row: Row | undefined;
  readonly facts: Facts;
  /** Milliseconds since the epoch: one moment for the whole command. */
  readonly now: number;
  /** Whether the row had to be written from its record first: the command that made it what it is had not been carried out. */
  readonly completed: boolean;
}

/** What a command records, beside what stands from then on, which is added to its data as `after` and to its standings. */
export type Saying = Omit<RecordDraft, 'id' | 'source' | 'data'> & {
  readonly data: Readonly<Record<string, Json>>;
};

/**
 * A command that changes one recorded thing. All of its steps are members, in the order in which they are taken, and none can be
 * left out. A step throws to end the command; what is thrown by {@link facts} to {@link next} is recorded as a refusal.
 *
 * The record is durable before the row says it, and the row before anything is answered. A process that dies in between leaves a
 * record from which the row is written by whoever looks next; then {@link done} answers whoever repeats the command.
 */
export interface Command<Ask, Id extends string, State, Row extends State, Facts, Answer> {
  readonly kind: RecordedKind<Id, State, Row> | ProvenKind<Id, State, Row>;
  readonly about: (ask: Ask) => Id;
  /**
   * What becomes of a row that somebody else wrote, or that is gone and cannot be given back: refused where left out; `none` where the
   * command writes it anew or ends it.
   */
  readonly unproven?: 'refused' | 'none';
  /** What else must be held or read under the lock: other locks first, in the order that all commands of a component have. */
  readonly facts: (session: pg.PoolClient, given: Omit<Given<Ask, Row, Facts>, 'facts'>) => Promise<Facts>;
  /** The answer to a command that was carried out before; undefined where it is to be carried out now. */
  readonly done: (given: Given<Ask, Row, Facts>) => Answer | undefined;
  /** Everything that can speak against it. */
  readonly check: (given: Given<Ask, Row, Facts>) => Promise<void>;
  /** What the thing is afterwards. @param record of the change, for states that name it */
  readonly next: (given: Given<Ask, Row, Facts>, record: RecordId) => Promise<State> | State;
  /** Tells others what is about to happen, where they must know before anybody can use it; may be repeated. */
  readonly before: (given: Given<Ask, Row, Facts>, next: State) => Promise<void>;
  readonly record: (given: Given<Ask, Row, Facts>, next: State, record: RecordId) => Saying;
  /**
   * Writes what is committed with the row and is none of it, such as a version that an approved candidate becomes. Where a process died
   * between the record and the commit, it is not called again: whoever keeps it completes it from the record.
   */
  readonly alongside?: (
    session: pg.PoolClient,
    given: Given<Ask, Row, Facts>,
    recorded: RecordedOnce & { readonly record: RecordId },
  ) => Promise<void>;
  /** Whether the thing stands afterwards, or has ended. */
  readonly ends: (next: State) => boolean;
  /**
   * The record of a refusal; undefined for what is not one: the caller is told, and nothing is kept. Where {@link facts} refused, there
   * are none.
   */
  readonly refused: (
    error: CodedError,
    given: Pick<Given<Ask, Row, Facts>, 'ask' | 'row'> & { readonly facts: Facts | undefined },
  ) => RecordDraft | undefined;
  /** After the commit, and again by whoever repeats the command: idempotent. */
  readonly after: (given: Given<Ask, Row, Facts>, next: State) => Promise<void>;
  readonly release: (next: State, recorded: RecordedOnce & { readonly record: RecordId }) => Answer;
}

export interface Commands {
  /**
   * Carries out a command, once.
   *
   * @throws what its steps throw; CodedError `authority_unproven` where the row was written by somebody else, `log_unavailable`,
   *   `database_unavailable`: then the command may have been recorded, and is completed when anybody looks at the thing
   */
  run<Ask, Id extends string, State, Row extends State, Facts, Answer>(
    command: Command<Ask, Id, State, Row, Facts, Answer>,
    ask: Ask,
  ): Promise<Answer>;
}
