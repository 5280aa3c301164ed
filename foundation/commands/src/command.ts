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

/** What is known of a command that is refused. */
export interface Known<Ask, Row, Facts> extends Pick<Given<Ask, Row, Facts>, 'ask' | 'row'> {
  /** Undefined where reading them was what failed. */
  readonly facts: Facts | undefined;
}

/** What is known once nothing speaks against it. */
export interface Judged<Ask, Row, Facts, Found> extends Given<Ask, Row, Facts> {
  /** What the checks found that it rests on. */
  readonly found: Found;
}

/** What a command records, beside what stands from then on, which is added to its data as `after` and to its standings. */
export type Saying = Omit<RecordDraft, 'id' | 'source' | 'data'> & {
  readonly data: Readonly<Record<string, Json>>;
};

/** A record that is durable. */
export interface Recorded extends RecordedOnce {
  readonly record: RecordId;
}

/**
 * Every step of a command, in the order in which they are taken; none can be left out. A step throws to end the command; what is
 * thrown by {@link facts} to {@link next} is recorded as a refusal.
 *
 * How the thing is held, and what a record of it carries, is its keeping's to say: see `Keeping`.
 */
export interface Steps<Session, Ask, Row, Facts, Found, Next, Said, Answer> {
  /** What else must be held or read under the lock: other locks first, in the order that all commands of a component have. */
  readonly facts: (session: Session, given: Omit<Given<Ask, Row, Facts>, 'facts'>) => Promise<Facts>;
  /** The answer to a command that was carried out before; undefined where it is to be carried out now. */
  readonly done: (given: Given<Ask, Row, Facts>) => Answer | undefined;
  /** Everything that can speak against it. @returns what it rests on, where that is not known before */
  readonly check: (given: Given<Ask, Row, Facts>, session: Session) => Promise<Found>;
  /** The id of its record, which makes it one command, however often it is repeated. @param previous the change before */
  readonly once: (given: Judged<Ask, Row, Facts, Found>, previous: RecordId | undefined) => RecordId;
  /** What becomes of the thing. @param record of the change, for states that name it */
  readonly next: (given: Judged<Ask, Row, Facts, Found>, record: RecordId) => Promise<Next> | Next;
  /** Tells others what is about to happen, where they must know before anybody can use it; may be repeated. */
  readonly before: (given: Judged<Ask, Row, Facts, Found>, next: Next) => Promise<void>;
  readonly record: (given: Judged<Ask, Row, Facts, Found>, next: Next, record: RecordId) => Said;
  /**
   * Writes what is committed with the thing and is none of it, such as a version that an approved candidate becomes. Where a process
   * died between the record and the commit, it is not called again: whoever keeps it completes it from the record.
   */
  readonly alongside?: (session: Session, given: Judged<Ask, Row, Facts, Found>, recorded: Recorded) => Promise<void>;
  /** The record of a refusal; undefined for what is not one: the caller is told, and nothing is kept. */
  readonly refused: (error: CodedError, known: Known<Ask, Row, Facts>) => RecordDraft | undefined;
  /** After the commit, and again by whoever repeats the command: idempotent. @param next undefined where it was done before */
  readonly after: (given: Given<Ask, Row, Facts>, next: Next | undefined) => Promise<void>;
  readonly release: (next: Next, recorded: Recorded) => Promise<Answer> | Answer;
}

/**
 * A command that changes one recorded thing: {@link Steps} whose state is everything that decides, and whose record carries it.
 *
 * The record is durable before the row says it, and the row before anything is answered. A process that dies in between leaves a
 * record from which the row is written by whoever looks next; then `done` answers whoever repeats the command.
 */
export interface Command<Ask, Id extends string, State, Row extends State, Facts, Answer>
  // Which record is its own follows from the change before.
  extends Omit<Steps<pg.PoolClient, Ask, Row, Facts, void, State, Saying, Answer>, 'once' | 'after'> {
  readonly kind: RecordedKind<Id, State, Row> | ProvenKind<Id, State, Row>;
  readonly about: (ask: Ask) => Id;
  /**
   * What becomes of a row that somebody else wrote, or that is gone and cannot be given back: refused where left out; `none` where the
   * command writes it anew or ends it.
   */
  readonly unproven?: 'refused' | 'none';
  /** Whether the thing stands afterwards, or has ended. */
  readonly ends: (next: State) => boolean;
  /** After the commit, and again by whoever repeats the command: idempotent. */
  readonly after: (given: Given<Ask, Row, Facts>, next: State) => Promise<void>;
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
