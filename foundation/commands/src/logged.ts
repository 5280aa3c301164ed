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
import type { Given, Saying, Steps } from './command.ts';
import { recordIdOfNext, thingOf } from './recorded-things.ts';

/** Things that are kept nowhere but in the log: what they are, its records say together. */
export interface LoggedKind<Id extends string, State> {
  /** In the log a thing is called `<kind>:<id>`. */
  readonly kind: string;
  /** Whoever else would record something that this rests on waits until the transaction ends. */
  lock(session: pg.PoolClient, id: Id): Promise<void>;
  /** As all records have it that were appended before the call. */
  read(): Promise<State>;
}

export interface GivenLogged<Ask, State, Facts> {
  readonly ask: Ask;
  readonly state: State;
  readonly facts: Facts;
  /** Milliseconds since the epoch: one moment for the whole command. */
  readonly now: number;
}

/**
 * A command about a thing that has no row: what it is, its records say. Its steps are those of a `Command`, without what makes a row, and none can be left out.
 * Its record follows from the one before about the same thing, so that there is but one, whoever repeats it.
 */
export interface LoggedCommand<Ask, Id extends string, State, Facts, Answer> {
  readonly kind: LoggedKind<Id, State>;
  readonly about: (ask: Ask) => Id;
  readonly facts: (session: pg.PoolClient, given: Omit<GivenLogged<Ask, State, Facts>, 'facts'>) => Promise<Facts>;
  /** The answer to a command that was carried out before; undefined where it is to be carried out now. */
  readonly done: (given: GivenLogged<Ask, State, Facts>) => Answer | undefined;
  readonly check: (given: GivenLogged<Ask, State, Facts>) => Promise<void>;
  /** @param record its id, for what names it */
  readonly record: (given: GivenLogged<Ask, State, Facts>, record: RecordId) => Saying;
  /**
   * Writes what the record brings about, such as a version of the policies, within the transaction of the lock. Where a process died
   * between the record and the commit, it is not called again: whoever keeps it completes it from the record.
   */
  readonly alongside?: (
    session: pg.PoolClient,
    given: GivenLogged<Ask, State, Facts>,
    recorded: RecordedOnce & { readonly record: RecordId },
  ) => Promise<void>;
  /** Whether the thing stands afterwards, or has ended. */
  readonly ends: boolean;
  /** The record of a refusal; undefined for what is not one: the caller is told, and nothing is kept. */
  readonly refused: (error: CodedError, given: Pick<GivenLogged<Ask, State, Facts>, 'ask'>) => RecordDraft | undefined;
  /** Once it is recorded, and again by whoever repeats the command: idempotent. */
  readonly after: (given: GivenLogged<Ask, State, Facts>) => Promise<void>;
  /** @param state as it is by the record */
  readonly release: (state: State, record: RecordId) => Answer;
}

export interface LoggedCommands {
  /**
   * Carries out a command, once.
   *
   * @throws what its steps throw; CodedError `log_unavailable`, `database_unavailable`: then it may have been recorded
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
      const keeping: Keeping<pg.PoolClient, Ask, Logged<State>, void, Saying> = {
        transaction: (_, work) =>
          onceSettled(
            (completed) => transaction(pool, (session) => work(session, completed)),
            // Somebody else was first: what they recorded is looked at.
            async () => undefined,
          ),
        async hold(session) {
          await kind.lock(session, command.about(ask));
          // Before what all records say is read: what is recorded meanwhile is seen, or its id is taken.
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
      const steps: Steps<pg.PoolClient, Ask, Logged<State>, Facts, void, void, Saying, Answer> = {
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

/** What all records say together: there is no row, and this takes its place. */
interface Logged<State> {
  readonly state: State;
}

function stateIn<State>(row: Logged<State> | undefined): State {
  if (row === undefined) throw new Error('what the records say was not read');
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
