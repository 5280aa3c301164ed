import {
  type AuditAppender,
  ended,
  type RecordDraft,
  type RecordedOnce,
  type StandingReader,
  standing,
} from '@countersign/contracts';
import type { Clock, CodedError, RecordId } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { onceSettled } from './behind.ts';
import { carryOut, type Keeping } from './carry-out.ts';
import type { Given, RecordContent, Steps } from './command.ts';
import { recordIdOfNext, thingOf } from './recorded-things.ts';

/** Things that exist only as records in the log. */
export interface LoggedKind<Id extends string, State> {
  /** In the log a thing is called `<kind>:<id>`. */
  readonly kind: string;
  /** Blocks other writers of relevant records until the transaction ends. */
  lock(session: pg.PoolClient, id: Id): Promise<void>;
  /** The state by all records that were appended before the call. */
  read(): Promise<State>;
}

export interface GivenLogged<Ask, State, Facts> {
  readonly ask: Ask;
  readonly state: State;
  readonly facts: Facts;
  /** Milliseconds since the epoch; the same for the whole command. */
  readonly now: number;
}

/**
 * A command about a thing without a row, with the steps of a `Command` that do not concern rows. Its record id is derived from the
 * previous record of the thing, so repetitions have one record.
 */
export interface LoggedCommand<Ask, Id extends string, State, Facts, Answer> {
  readonly kind: LoggedKind<Id, State>;
  readonly about: (ask: Ask) => Id;
  readonly facts: (session: pg.PoolClient, given: Omit<GivenLogged<Ask, State, Facts>, 'facts'>) => Promise<Facts>;
  /** The answer if the command was carried out before; undefined otherwise. */
  readonly done: (given: GivenLogged<Ask, State, Facts>) => Answer | undefined;
  readonly check: (given: GivenLogged<Ask, State, Facts>) => Promise<void>;
  /** @param record its id, for data that contains it */
  readonly record: (given: GivenLogged<Ask, State, Facts>, record: RecordId) => RecordContent;
  /**
   * Writes rows that result from the record, such as a policy version, in the transaction of the lock. Not called again after a
   * crash between record and commit: the owner of those rows completes them from the record.
   */
  readonly alongside?: (
    session: pg.PoolClient,
    given: GivenLogged<Ask, State, Facts>,
    recorded: RecordedOnce & { readonly record: RecordId },
  ) => Promise<void>;
  /** Whether the thing has ended afterwards. */
  readonly ends: boolean;
  /** The record of a refusal; undefined when the error is not recorded. */
  readonly refused: (error: CodedError, given: Pick<GivenLogged<Ask, State, Facts>, 'ask'>) => RecordDraft | undefined;
  /** Runs after the record and after each repetition; idempotent. */
  readonly after: (given: GivenLogged<Ask, State, Facts>) => Promise<void>;
  /** @param state after the record */
  readonly release: (state: State, record: RecordId) => Answer;
}

export interface LoggedCommands {
  /**
   * Carries out a command, once.
   *
   * @throws errors of its steps; CodedError `log_unavailable`, `database_unavailable`: the command may be recorded then
   */
  run<Ask, Id extends string, State, Facts, Answer>(
    command: LoggedCommand<Ask, Id, State, Facts, Answer>,
    ask: Ask,
  ): Promise<Answer>;
}

/** Runs the commands of a component that keeps no rows. */
export function createLoggedCommands({
  pool,
  log,
  source,
  clock,
}: {
  readonly pool: pg.Pool;
  readonly log: AuditAppender & StandingReader;
  readonly source: RecordDraft['source'];
  readonly clock: Clock;
}): LoggedCommands {
  return {
    run<Ask, Id extends string, State, Facts, Answer>(command: LoggedCommand<Ask, Id, State, Facts, Answer>, ask: Ask) {
      const { kind } = command;
      const of = thingOf(kind, command.about(ask));
      const keeping: Keeping<pg.PoolClient, Ask, Logged<State>, void, RecordContent> = {
        transaction: (_, work) =>
          onceSettled(
            (completed) => transaction(pool, (session) => work(session, completed)),
            // Another process was first: the next attempt reads its record.
            async () => undefined,
          ),
        async hold(session) {
          await kind.lock(session, command.about(ask));
          // Read the previous record before the state: a record written meanwhile is then either seen or takes the id.
          const previous = (await log.standings([of])).get(of)?.record;
          return [{ ask, row: { state: await kind.read() }, previous }];
        },
        async record(_session, { id, said: { standing: others = [], ...saying } }) {
          const stands = command.ends ? ended(of) : standing(of, saying.data);
          const { time } = await log.append({ ...saying, id, source, standing: [stands, ...others] });
          return { next: undefined, recorded: { record: id, time } };
        },
        write: async () => undefined,
      };
      const steps: Steps<pg.PoolClient, Ask, Logged<State>, Facts, void, void, RecordContent, Answer> = {
        facts: (session, { row, now }) => command.facts(session, { ask, state: stateIn(row), now }),
        done: (given) => command.done(logged(given)),
        check: (given) => command.check(logged(given)),
        once: (_, previous) => recordIdOfNext(of, previous),
        next: () => undefined,
        before: async () => undefined,
        record: (given, _, record) => command.record(logged(given), record),
        alongside: async (session, given, recorded) => command.alongside?.(session, logged(given), recorded),
        refused: (error) => command.refused(error, { ask }),
        after: (given) => command.after(logged(given)),
        release: async (_, { record }) => command.release(await kind.read(), record),
      };
      return carryOut(steps, keeping, { log, clock }, ask);
    },
  };
}

/** The state by all records, in place of a row. */
interface Logged<State> {
  readonly state: State;
}

function stateIn<State>(row: Logged<State> | undefined): State {
  if (row === undefined) throw new Error('the state was not read from the records');
  return row.state;
}

function logged<Ask, State, Facts>({
  ask,
  row,
  facts,
  now,
}: Given<Ask, Logged<State>, Facts>): GivenLogged<Ask, State, Facts> {
  return { ask, state: stateIn(row), facts, now };
}
