import { recordIdAfter } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import type { TransitionDependencies } from '../attempt.ts';
import { type SayingSteps, type Sayings, say } from '../proof/commands.ts';
import { changeAbout, referencesTo } from '../records.ts';
import type { StoredException, StoredTransaction } from '../store/store.ts';

type Dependencies = Pick<TransitionDependencies, 'store' | 'audit' | 'clock'>;

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
export async function markOverdue(limit: number, dependencies: Dependencies): Promise<number> {
  let marked = 0;
  while (marked < limit && (await say(steps, sayings, dependencies, { now: dependencies.clock.now() }))) marked += 1;
  return marked;
}

const sayings: Sayings<Sweep, Overdue, Marked> = {
  async hold(unit, { now }) {
    const exception = await unit.takeOverdue(now);
    const transaction = exception && (await unit.read(exception.transaction));
    return exception && transaction && { exception, transaction };
  },
  recorded: (next) => next,
  put: (unit, { exception, at, recordId }) => unit.markOverdue(exception, at, recordId),
};

const steps: SayingSteps<Sweep, Overdue, undefined, Overdue, Marked, boolean> = {
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
