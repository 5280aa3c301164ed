import type { SmallLog } from './small-log.ts';

/** The log of a process that dies when it has recorded something of this type, and before it has written it. */
export function dyingAfter(log: SmallLog, type: Parameters<SmallLog['ofType']>[0]): SmallLog {
  return {
    ...log,
    async append(draft) {
      const recorded = await log.append(draft);
      if (draft.type === type) throw new Error('the process died');
      return recorded;
    },
  };
}
