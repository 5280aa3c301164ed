import {
  ended,
  type RecordDraft,
  recordIdAfter,
  recordIdOfCommand,
  type StandingCheck,
  standingErrors,
} from '@countersign/contracts';
import { type Clock, isCodedError } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { Command, Commands, Given } from './command.ts';
import { Behind, createChangedThings, maxAttempts, type ThingsLog, thingOf, write } from './recorded-things.ts';
import { Refused } from './refused.ts';

/** Runs the commands of one component, on its own tables. */
export function createCommands(dependencies: {
  readonly pool: pg.Pool;
  readonly log: ThingsLog;
  readonly check: StandingCheck;
  readonly source: RecordDraft['source'];
  readonly clock: Clock;
}): Commands {
  const { pool, log, source, clock } = dependencies;

  /** Up to the commit. @param completed whether a row had to be written first */
  function carryOut<Ask, Id extends string, State, Row extends State, Facts, Answer>(
    command: Command<Ask, Id, State, Row, Facts, Answer>,
    ask: Ask,
    completed: boolean,
  ) {
    const { kind } = command;
    const things = createChangedThings(kind, dependencies);
    const id = command.about(ask);
    const of = thingOf(kind, id);
    const now = clock.now();
    return transaction(pool, async (session) => {
      const { row, previous } = await things.hold(session, id, command.unproven ?? 'refused');
      let facts: Facts | undefined;
      const judged = async () => {
        const found = { ask, row, now, completed };
        const given: Given<Ask, Row, Facts> = { ...found, facts: await command.facts(session, found) };
        ({ facts } = given);
        const answer = command.done(given);
        if (answer !== undefined) return { before: true, given, answer } as const;
        await command.check(given);
        // It follows from the change before it, so there can be but one.
        const record = previous === undefined ? recordIdOfCommand({ first: of }) : recordIdAfter(of, previous);
        return { before: false, given, record, next: await command.next(given, record) } as const;
      };
      const outcome = await judged().catch((error: unknown) => {
        throw isCodedError(error) ? new Refused(error, command.refused(error, { ask, row, facts })) : error;
      });
      if (outcome.before) return outcome;
      const { given, record, next } = outcome;
      await command.before(given, next);
      const ends = command.ends(next);
      const { data, standing = [], ...saying } = command.record(given, next, record);
      const { time } = await log.append({
        ...saying,
        id: record,
        source,
        standing: [ends ? ended(of) : things.saying(id, next), ...standing],
        data: { ...data, ...things.carrying(id, next, previous) },
      });
      await write(kind, session, next, { id, record, ends });
      await command.alongside?.(session, given, { record, time });
      return { before: false, given, next, recorded: { record, time } } as const;
    });
  }

  /** As {@link carryOut}, on a row that says what its newest record says. */
  async function carriedOut<Ask, Id extends string, State, Row extends State, Facts, Answer>(
    command: Command<Ask, Id, State, Row, Facts, Answer>,
    ask: Ask,
  ) {
    for (let attempt = 1; ; attempt++) {
      try {
        return await carryOut(command, ask, attempt > 1);
      } catch (error) {
        if (error instanceof Refused) return await error.tell(log);
        // A process died between record and row: the row comes first, and then this command is looked at anew.
        const isTaken = isCodedError(error, 'record_identity_taken');
        if (!isTaken && !(error instanceof Behind)) throw error;
        if (attempt >= maxAttempts)
          throw isTaken
            ? error
            : standingErrors.error('authority_unproven', 'What is stored cannot be brought to what was recorded.');
        if (error instanceof Behind) await error.settle();
        else await createChangedThings(command.kind, dependencies).settle(command.about(ask));
      }
    }
  }

  return {
    async run(command, ask) {
      const carried = await carriedOut(command, ask);
      if (carried.before) {
        // Whoever did it first may have died before this.
        if (carried.given.row !== undefined) await command.after(carried.given, carried.given.row);
        return carried.answer;
      }
      const { given, next, recorded } = carried;
      await command.after(given, next);
      return command.release(next, recorded);
    },
  };
}
