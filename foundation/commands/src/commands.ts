import { ended, type RecordDraft, recordIdAfter, recordIdOfCommand, type StandingCheck } from '@countersign/contracts';
import { type Clock, type CodedError, isCodedError } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { Command, Commands, Given } from './command.ts';
import { Behind, carrying, createRecordedThings, type ThingsLog, thingOf } from './recorded-things.ts';

/** How often a command begins anew because something had to be completed first. */
const maxAttempts = 4;

/** A refusal that is recorded before it is thrown, outside of the transaction that it ends. */
class Refused extends Error {
  readonly error: CodedError;
  readonly draft: RecordDraft | undefined;

  constructor(error: CodedError, draft: RecordDraft | undefined) {
    super(error.message);
    this.error = error;
    this.draft = draft;
  }
}

/** Runs the commands of one component, on its own tables. */
export function createCommands(dependencies: {
  readonly pool: pg.Pool;
  readonly log: ThingsLog;
  readonly check: StandingCheck;
  readonly source: RecordDraft['source'];
  readonly clock: Clock;
}): Commands {
  const { pool, log, source, clock } = dependencies;

  async function once<Ask, Id extends string, State, Row extends State, Facts, Answer>(
    command: Command<Ask, Id, State, Row, Facts, Answer>,
    ask: Ask,
    id: Id,
  ): Promise<Answer> {
    const things = createRecordedThings(command.kind, dependencies);
    const of = thingOf(command.kind, id);
    const now = clock.now();
    const carried = await transaction(pool, async (session) => {
      const row = await things.lock(session, id);
      const judged = async () => {
        const given: Given<Ask, Row, Facts> = { ask, row, now, facts: await command.facts(session, { ask, row, now }) };
        const answer = command.done(given);
        if (answer !== undefined) return { before: true, answer } as const;
        await command.check(given);
        const previous = row === undefined ? undefined : command.kind.recordOf(row);
        // It follows from the change before it, so there can be but one.
        const record = previous === undefined ? recordIdOfCommand({ first: of }) : recordIdAfter(of, previous);
        return { before: false, given, previous, record, next: await command.next(given, record) } as const;
      };
      const outcome = await judged().catch((error: unknown) => {
        throw isCodedError(error) ? new Refused(error, command.refused(error, { ask, row })) : error;
      });
      if (outcome.before) return outcome;
      const { given, previous, record, next } = outcome;
      await command.before(given, next);
      const { data, standing = [], ...saying } = command.record(given, next);
      const { time } = await log.append({
        ...saying,
        id: record,
        source,
        standing: [command.ends(next) ? ended(of) : things.saying(id, next), ...standing],
        data: { ...data, ...carrying(command.kind.content(next), previous) },
      });
      await command.kind.put(session, next, { id, record });
      return { before: false, given, next, recorded: { record, time } } as const;
    });
    if (carried.before) return carried.answer;
    const { given, next, recorded } = carried;
    await command.after(given, next);
    return command.release(next, recorded);
  }

  return {
    async run(command, ask) {
      const id = command.about(ask);
      for (let attempt = 1; ; attempt++) {
        try {
          return await once(command, ask, id);
        } catch (error) {
          if (error instanceof Refused) {
            if (error.draft !== undefined) await log.append(error.draft);
            throw error.error;
          }
          // A process died between record and row: the row comes first, and then this command is looked at anew.
          const behind = error instanceof Behind || isCodedError(error, 'record_identity_taken');
          if (!behind || attempt >= maxAttempts) throw error;
          await createRecordedThings(command.kind, dependencies).settle(id);
        }
      }
    },
  };
}
