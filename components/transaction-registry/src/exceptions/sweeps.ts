import { recordIdAfter } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import type { TransitionDependencies } from '../attempt.ts';
import { lifeCycleOf, partiesByPart, stateRuleOf } from '../life-cycles/index.ts';
import { type OneRecordSteps, type RecordedSubject, recordOnce } from '../proof/commands.ts';
import { changeAbout, referencesTo } from '../records.ts';
import type { StoredException, StoredTransaction } from '../store/store.ts';
import { type Raised, raiseWhereDue } from './raise.ts';

type Dependencies = Pick<TransitionDependencies, 'store' | 'audit' | 'clock' | 'random' | 'logger' | 'exceptionTimes'>;

/** Once for each missed deadline across all nodes. @returns how many exceptions this call raised */
export async function raiseTimeouts(limit: number, dependencies: Dependencies): Promise<number> {
  const { store, clock, logger } = dependencies;
  const after = async (transaction: StoredTransaction, now: number): Promise<void> => {
    if (missedAt(transaction, now) !== undefined) await store.noteOverdue(transaction);
  };
  let told = 0;
  for (const id of await store.overdueTransactions(clock.now(), limit)) {
    try {
      told += (await raiseWhereDue({ transaction: id, look, after }, dependencies)) ? 1 : 0;
    } catch (error) {
      // A failure must not hold up the others; the next sweep tries again.
      logger.warn({ error, transaction: id }, 'the exception for a time-out could not be raised');
    }
  }
  return told;
}

function look(transaction: StoredTransaction, open: readonly StoredException[], now: number): Raised | undefined {
  const awaited = missedAt(transaction, now);
  if (awaited === undefined) return undefined;
  const { event, events, until } = awaited;
  // The exception may be open from an earlier wait.
  if (open.some((exception) => exception.cause === 'partner-timeout' && exception.event === event)) return undefined;
  return {
    cause: 'partner-timeout',
    event,
    reason: 'deadline_missed',
    detail: `${events.join(' or ')} by ${awaitedParties(transaction)} was due by ${toInstant(until)}.`,
    owner: transaction.initiatorInstitution,
  };
}

/** The awaited events whose deadline has passed; undefined if none, or another node has raised the exception. */
function missedAt({ awaitedUntil, overdueVersion, state, version, detail }: StoredTransaction, now: number) {
  const events = stateRuleOf(lifeCycleOf(detail), state).awaits?.events ?? [];
  const [event] = events;
  return awaitedUntil === null || awaitedUntil > now || overdueVersion === version || event === undefined
    ? undefined
    : { event, events, until: awaitedUntil };
}

function awaitedParties(transaction: StoredTransaction): string {
  const cycle = lifeCycleOf(transaction.detail);
  const parties = partiesByPart(transaction);
  const events = stateRuleOf(cycle, transaction.state).awaits?.events ?? [];
  const actors = events.flatMap((event) => cycle.rules[event]?.actors ?? []);
  return [...new Set(actors.flatMap((actor) => parties.get(actor) ?? []))].join(' or ') || 'nobody';
}

type MarkDependencies = Pick<TransitionDependencies, 'store' | 'audit' | 'clock'>;

interface Sweep {
  readonly now: number;
}
interface Overdue {
  readonly exception: StoredException;
  /** From its row, unproven: nothing is decided about it. */
  readonly transaction: StoredTransaction;
}
interface Marked {
  readonly exception: StoredException['id'];
  readonly at: string;
  readonly recordId: StoredException['recordId'];
}

/** Once for each exception across all nodes. @returns how many exceptions this call marked */
export async function markOverdue(limit: number, dependencies: MarkDependencies): Promise<number> {
  let marked = 0;
  while (marked < limit && (await recordOnce(steps, subject, dependencies, { now: dependencies.clock.now() })))
    marked += 1;
  return marked;
}

const subject: RecordedSubject<Sweep, Overdue, Marked> = {
  async hold(unit, { now }) {
    const exception = await unit.takeOverdue(now);
    const transaction = exception && (await unit.read(exception.transaction));
    return exception && transaction && { exception, transaction };
  },
  recorded: (next) => next,
  put: (unit, { exception, at, recordId }) => unit.markOverdue(exception, at, recordId),
};

const steps: OneRecordSteps<Sweep, Overdue, undefined, Overdue, Marked, boolean> = {
  facts: async () => undefined,
  done: ({ row }) => (row === undefined ? false : undefined),
  async check({ row }) {
    if (row === undefined) throw new Error('there is no exception to mark as overdue');
    return row;
  },
  once: ({ found: { exception } }) => recordIdAfter(`overdue:${exception.id}`, exception.recordId),
  next: ({ found: { exception }, now }, recordId) => ({ exception: exception.id, at: toInstant(now), recordId }),
  before: async () => undefined,
  record: ({ found: { exception, transaction } }) => ({
    ...changeAbout(transaction),
    type: 'exception.overdue',
    outcome: 'done',
    reason: exception.reason,
    references: referencesTo(exception.recordId),
    data: {
      exception: exception.id,
      cause: exception.cause,
      event: exception.event,
      owner: exception.owner,
      due_at: exception.dueAt,
    },
  }),
  refused: () => undefined,
  after: async () => undefined,
  release: () => true,
};
