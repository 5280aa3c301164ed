import type { RunningAuditLog } from '@countersign/audit-log';
import { isCodedError } from '@countersign/kernel';
import type { OwnerConnection } from '@countersign/runtime';
import { ownerPool } from '../growth/owner-pool.ts';
import { thisProcess, withCosts } from '../http-contender.ts';
import type { Counted } from '../measure.ts';
import { filledLogStore } from './filled-log-store.ts';

/** The index by which evidence is found, as it comes behind the log. */
export interface TermsBehind {
  /** Waits until it has caught up, and counts what that took; an operation is a record. */
  settle(): Promise<Counted>;
  stop(): Promise<void>;
}

/** Whom no record is about: the answer is empty, and there as soon as the index is. */
const nobody = 'person:nobody';

export function termsBehind({
  auditLog,
  connection,
}: {
  readonly auditLog: Pick<RunningAuditLog, 'query'>;
  readonly connection: OwnerConnection;
}): TermsBehind {
  const { user, password, host, port, database } = connection;
  const owner = ownerPool(`postgres://${user}:${password}@${host}:${port}/${database}`);
  const store = filledLogStore(owner);
  return {
    async settle() {
      const before = await store.drawn();
      const size = await store.size();
      const { value: _, ...costs } = await withCosts(thisProcess, async () => {
        while ((await store.drawn()) < size) await asked(auditLog);
      });
      return { ...costs, operations: Math.max(0, size - before) };
    },
    stop: () => owner.end(),
  };
}

/** As long as somebody asks, terms are drawn without a rest. @returns whether the answer could be given */
export async function asked(auditLog: Pick<RunningAuditLog, 'query'>): Promise<boolean> {
  try {
    await auditLog.query({ person: nobody, limit: 1 });
    return true;
  } catch (error) {
    if (!isCodedError(error, 'query_behind')) throw error;
    return false;
  }
}
