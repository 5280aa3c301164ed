import type { RunningAuditLog } from '@countersign/audit-log';
import { auditLogErrors } from '@countersign/contracts';
import type { OwnerConnection } from '@countersign/runtime';
import { ownerPool } from '../growth/owner-pool.ts';
import { thisProcess, withCosts } from '../http-contender.ts';
import type { Counted } from '../measure.ts';
import { filledLogStore } from './filled-log-store.ts';

export type TermsBehind = ReturnType<typeof termsBehind>;

/** No record is about this person: the answer is empty, and available as soon as the index is. */
const nobody = 'person:nobody';

/** The index of terms, which follows the log. */
export function termsBehind({
  auditLog,
  connection,
}: {
  readonly auditLog: Pick<RunningAuditLog, 'query'>;
  readonly connection: OwnerConnection;
}) {
  const owner = ownerPool(connection);
  const store = filledLogStore(owner);
  return {
    /** Waits until the index has caught up, and counts the costs; an operation is a record. */
    async settle(): Promise<Counted> {
      const before = await store.indexed();
      const size = await store.size();
      const { value: _, ...costs } = await withCosts(thisProcess, async () => {
        while ((await store.indexed()) < size) await asked(auditLog);
      });
      return { ...costs, operations: Math.max(0, size - before) };
    },
    stop: () => owner.end(),
  };
}

/** Sends a query: the index does not pause while there are queries. */
export async function asked(auditLog: Pick<RunningAuditLog, 'query'>): Promise<void> {
  try {
    await auditLog.query({ person: nobody, limit: 1 });
  } catch (error) {
    if (!auditLogErrors.is(error, 'query_behind')) throw error;
  }
}
