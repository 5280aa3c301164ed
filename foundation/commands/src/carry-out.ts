import type { AuditAppender, RecordDraft } from '@countersign/contracts';
import { type Clock, type CodedError, isCodedError, type RecordId } from '@countersign/kernel';
import type { Given, Judged, Recorded, Steps } from './command.ts';

export interface Held<Ask, Row> {
  readonly ask: Ask;
  readonly row: Row | undefined;
  /** Record of the previous change, if any. */
  readonly previous: RecordId | undefined;
}

export interface Decided<Ask, Row, Next, Said> {
  readonly held: Held<Ask, Row>;
  /** Of its record. */
  readonly id: RecordId;
  readonly next: Next;
  readonly said: Said;
}

/** How things are locked, recorded and written. */
export interface Keeping<Session, Ask, Row, Next, Said> {
  /** One database transaction; `work` runs again when an earlier command had to be completed first. */
  transaction<Result>(
    asks: readonly Ask[],
    work: (session: Session, completed: boolean) => Promise<Result>,
  ): Promise<Result>;
  /** Locks the things in a fixed order. @returns one for each, in the order of `asks` */
  hold(session: Session, asks: readonly Ask[]): Promise<readonly Held<Ask, Row>[]>;
  /** Makes the record durable. @returns the recorded state, also when an earlier attempt recorded it */
  record(
    session: Session,
    decided: Decided<Ask, Row, Next, Said>,
  ): Promise<{ readonly next: Next; readonly recorded: Recorded }>;
  write(session: Session, decided: Decided<Ask, Row, Next, Said> & { readonly recorded: Recorded }): Promise<void>;
}

/**
 * Ends a command whose refusal needs other records than the answer shows. They are recorded before the answer, outside of the
 * transaction that is rolled back.
 */
export class Refusal extends Error {
  readonly told: CodedError;
  readonly records: readonly RecordDraft[];

  constructor(told: CodedError, records: readonly RecordDraft[]) {
    super(told.message);
    this.told = told;
    this.records = records;
  }
}

interface Parts {
  readonly log: AuditAppender;
  readonly clock: Clock;
}

/** Carries out a command about one thing; see {@link carryOutAll}. */
export async function carryOut<Session, Ask, Row, Facts, Found, Next, Said, Answer>(
  steps: Steps<Session, Ask, Row, Facts, Found, Next, Said, Answer>,
  keeping: Keeping<Session, Ask, Row, Next, Said>,
  parts: Parts,
  ask: Ask,
): Promise<Answer> {
  const [only] = await carryOutAll(steps, keeping, parts, [ask]);
  if (only === undefined) throw new Error('a command was carried out without an answer');
  return only.answer;
}

/**
 * Carries out a command about several things, all or none, with its steps in their fixed order.
 *
 * @returns the answers, in the order of `asks`
 * @throws errors of the steps; the first one when several are refused
 */
export async function carryOutAll<Session, Ask, Row, Facts, Found, Next, Said, Answer>(
  steps: Steps<Session, Ask, Row, Facts, Found, Next, Said, Answer>,
  keeping: Keeping<Session, Ask, Row, Next, Said>,
  { log, clock }: Parts,
  asks: readonly Ask[],
): Promise<readonly { readonly answer: Answer }[]> {
  async function judge(session: Session, held: Held<Ask, Row>, found: Omit<Given<Ask, Row, Facts>, 'facts'>) {
    let facts: Facts | undefined;
    try {
      const given: Given<Ask, Row, Facts> = { ...found, facts: await steps.facts(session, found) };
      ({ facts } = given);
      const answer = steps.done(given);
      if (answer !== undefined) return { is: 'done', given, answer } as const;
      const judged: Judged<Ask, Row, Facts, Found> = { ...given, found: await steps.check(given, session) };
      const id = steps.once(judged, held.previous);
      return { is: 'new', given: judged, held, id, next: await steps.next(judged, id) } as const;
    } catch (error) {
      const draft = isCodedError(error) ? steps.refused(error, { ask: held.ask, row: held.row, facts }) : undefined;
      throw isCodedError(error) && draft !== undefined ? new Refusal(error, [draft]) : error;
    }
  }

  /** Judges all of them and collects every refusal. */
  async function judgeAll(session: Session, completed: boolean) {
    const now = clock.now();
    const refusals: Refusal[] = [];
    const judged: Awaited<ReturnType<typeof judge>>[] = [];
    for (const held of await keeping.hold(session, asks)) {
      const { ask, row } = held;
      try {
        judged.push(await judge(session, held, { ask, row, now, completed }));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        refusals.push(error);
      }
    }
    const [first] = refusals;
    if (first === undefined) return judged;
    throw new Refusal(
      first.told,
      refusals.flatMap(({ records }) => records),
    );
  }

  const carried = await keeping
    .transaction(asks, async (session, completed) => {
      const decided = await inTurn(await judgeAll(session, completed), async (one) => {
        if (one.is === 'done') return one;
        await steps.before(one.given, one.next);
        return { ...one, said: steps.record(one.given, one.next, one.id) };
      });
      const recorded = await settledAll(
        decided.map(async (one) => (one.is === 'done' ? one : { ...one, ...(await keeping.record(session, one)) })),
      );
      for (const one of recorded) {
        if (one.is === 'done') continue;
        await keeping.write(session, one);
        await steps.alongside?.(session, one.given, one.recorded);
      }
      return recorded;
    })
    .catch(async (error: unknown) => {
      if (!(error instanceof Refusal)) throw error;
      await settledAll(error.records.map((draft) => log.append(draft)));
      throw error.told;
    });
  return inTurn(carried, async (one) => {
    // The process that did it first may have stopped before the next step.
    await steps.after(one.given, one.is === 'done' ? undefined : one.next);
    return { answer: one.is === 'done' ? one.answer : await steps.release(one.next, one.recorded) };
  });
}

/** One after the other: they share a connection. */
async function inTurn<One, Other>(all: readonly One[], work: (one: One) => Promise<Other>): Promise<readonly Other[]> {
  const done: Other[] = [];
  for (const one of all) done.push(await work(one));
  return done;
}

/** Waits for every one, so that nothing goes on behind a failure; then the first failure is thrown. */
async function settledAll<Value>(work: readonly Promise<Value>[]): Promise<readonly Value[]> {
  await Promise.allSettled(work);
  return Promise.all(work);
}
