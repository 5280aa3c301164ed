import type { MemoryLog } from '@countersign/testkit';

/** The log of a process that dies when it has recorded something of this type, and before it has written it. */
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
