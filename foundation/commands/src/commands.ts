import { ended, type RecordDraft, type StandingCheck } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { transaction } from '@countersign/runtime';
import type pg from 'pg';
import { onceSettled } from './behind.ts';
import { carryOut, type Keeping } from './carry-out.ts';
import type { Command, Commands, RecordContent, Steps } from './command.ts';
import { createChangedThings, recordIdOfNext, type ThingsLog, thingOf, write } from './recorded-things.ts';

/** Runs the commands of one component on its own tables. */
export function createCommands(dependencies: {
  readonly pool: pg.Pool;
  readonly log: ThingsLog;
  readonly check: StandingCheck;
  readonly source: RecordDraft['source'];
  readonly clock: Clock;
}): Commands {
  const { pool, log, source } = dependencies;

  /** A thing is stored as a row. Its record contains the whole state, from which the next reader can write the row. */
  function keepingOf<Ask, Id extends string, State, Row extends State, Facts, Answer>({
    kind,
    about,
    ends,
    unproven = 'refused',
  }: Command<Ask, Id, State, Row, Facts, Answer>): Keeping<pg.PoolClient, Ask, Row, State, RecordContent> {
    const things = createChangedThings(kind, dependencies);
    return {
      transaction: (asks, work) =>
        onceSettled(
          (completed) => transaction(pool, (session) => work(session, completed)),
          async () => {
            for (const ask of asks) await things.settle(about(ask));
          },
        ),
      hold: (session, asks) =>
        Promise.all(asks.map(async (ask) => ({ ask, ...(await things.hold(session, about(ask), unproven)) }))),
      async record(_session, { held: { ask, previous }, next, said, id: record }) {
        const id = about(ask);
        const { data, standing = [], ...saying } = said;
        const { time } = await log.append({
          ...saying,
          id: record,
          source,
          standing: [ends(next) ? ended(thingOf(kind, id)) : things.saying(id, next), ...standing],
          data: { ...data, ...things.carrying(id, next, previous) },
        });
        return { next, recorded: { record, time } };
      },
      write: (session, { held: { ask }, next, recorded: { record } }) =>
        write(kind, session, next, { id: about(ask), record, ends: ends(next) }),
    };
  }

  return {
    run<Ask, Id extends string, State, Row extends State, Facts, Answer>(
      command: Command<Ask, Id, State, Row, Facts, Answer>,
      ask: Ask,
    ) {
      const of = thingOf(command.kind, command.about(ask));
      const steps: Steps<pg.PoolClient, Ask, Row, Facts, void, State, RecordContent, Answer> = {
        ...command,
        once: (_, previous) => recordIdOfNext(of, previous),
        async after(given, next) {
          const state = next ?? given.row;
          if (state !== undefined) await command.after(given, state);
        },
      };
      return carryOut(steps, keepingOf(command), dependencies, ask);
    },
  };
}
