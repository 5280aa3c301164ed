import type { MemoryLog } from '@countersign/testkit';

/** The log of a process that dies after a record of this type is durable, before its row is written. */
export function dyingAfter(log: MemoryLog, type: Parameters<MemoryLog['ofType']>[0]): MemoryLog {
  return {
    ...log,
    async append(draft) {
      const recorded = await log.append(draft);
      if (draft.type === type) throw new Error('the process died');
      return recorded;
    },
  };
}
