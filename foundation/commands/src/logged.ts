import {
  type AuditAppender,
  ended,
  type RecordDraft,
  type RecordedOnce,
  recordIdAfter,
  recordIdOfCommand,
  type StandingReader,
  standing,
} from '@countersign/contracts';
import { type Clock, type CodedError, isCodedError, type RecordId } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { Saying } from './command.ts';
import { maxAttempts, thingOf } from './recorded-things.ts';
import { Refused } from './refused.ts';

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
  /** Once it is recorded: idempotent. */
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
  const carryOut = <Ask, Id extends string, State, Facts, Answer>(
    command: LoggedCommand<Ask, Id, State, Facts, Answer>,
    ask: Ask,
  ) =>
    transaction(pool, async (session) => {
      const { kind } = command;
      const id = command.about(ask);
      const of = thingOf(kind, id);
      await kind.lock(session, id);
      const found = { ask, state: await kind.read(), now: clock.now() };
      const judged = async () => {
        const given: GivenLogged<Ask, State, Facts> = { ...found, facts: await command.facts(session, found) };
        const answer = command.done(given);
        if (answer !== undefined) return { before: true, answer } as const;
        await command.check(given);
        return { before: false, given } as const;
      };
      const outcome = await judged().catch((error: unknown) => {
        throw isCodedError(error) ? new Refused(error, command.refused(error, { ask })) : error;
      });
      if (outcome.before) return outcome;
      const { given } = outcome;
      const previous = (await log.standings([of])).get(of)?.record;
      const record = previous === undefined ? recordIdOfCommand({ first: of }) : recordIdAfter(of, previous);
      const { standing: others = [], ...saying } = command.record(given, record);
      const stands = command.ends ? ended(of) : standing(of, saying.data);
      const { time } = await log.append({ ...saying, id: record, source, standing: [stands, ...others] });
      await command.alongside?.(session, given, { record, time });
      return { before: false, given, record } as const;
    });

  return {
    async run(command, ask) {
      for (let attempt = 1; ; attempt++) {
        try {
          const outcome = await carryOut(command, ask);
          if (outcome.before) return outcome.answer;
          await command.after(outcome.given);
          return command.release(await command.kind.read(), outcome.record);
        } catch (error) {
          if (error instanceof Refused) return await error.tell(log);
          // Somebody else was first: what they recorded is looked at.
          if (!isCodedError(error, 'record_identity_taken') || attempt >= maxAttempts) throw error;
        }
      }
    },
  };
}
