import { appendOnce, type RecordDraft, recordIdAfter } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import type { TransitionDependencies } from '../attempt.ts';
import { recordAbout, referencesTo } from '../records.ts';

type Dependencies = Pick<TransitionDependencies, 'store' | 'audit' | 'clock' | 'random'>;

/**
 * Says of exceptions that stand longer than they may that they are overdue: once each, however many nodes look.
 *
 * @returns how many this call has said it of
 */
export async function markOverdue(limit: number, { store, audit, ...from }: Dependencies): Promise<number> {
  let marked = 0;
  while (marked < limit && (await markNext())) marked += 1;
  return marked;

  function markNext(): Promise<boolean> {
    return store.inUnit(async (unit) => {
      const now = from.clock.now();
      const exception = await unit.takeOverdue(now);
      const transaction = exception === undefined ? undefined : await unit.read(exception.transaction);
      if (exception === undefined || transaction === undefined) return false;
      const draft: RecordDraft = {
        ...recordAbout(transaction, from),
        id: recordIdAfter(`overdue:${exception.id}`, exception.recordId),
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
      };
      await appendOnce(audit, draft);
      await unit.markOverdue(exception.id, toInstant(now), draft.id);
      return true;
    });
  }
}
