import { type AuditLog, type RecordDraft, remoteCalls } from '@countersign/contracts';
import { type Clock, newId, type Random, toInstant } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { ProcessGroup } from '../process-groups/index.ts';

/** A call that the caller is not permitted to make. */
export interface RefusedCall {
  /** The process named in the caller's certificate. */
  readonly process: string;
  /** The requested contract and method. */
  readonly call: string;
}

/** Records refused calls and limits their number, so that a stolen process key cannot be used to fill the log. */
export interface RefusedCalls {
  /**
   * Resolves when the log has recorded the call. The first call gets its own record; similar calls within a minute are counted
   * and recorded together at its end.
   *
   * @throws CodedError those of the log
   */
  refuse(call: RefusedCall): Promise<void>;
  /** Records the calls that have only been counted. */
  stop(): Promise<void>;
}

interface Counted {
  readonly call: RefusedCall;
  readonly recorded: Promise<void>;
  since: number;
  count: number;
  timer?: NodeJS.Timeout;
}

export interface RefusedCallsDependencies {
  readonly audit: Pick<AuditLog, 'append'>;
  readonly at: ProcessGroup;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly random: Random;
  /** Milliseconds between two records of the same caller and method. Default: one minute. */
  readonly everyMs?: number;
}

export function createRefusedCalls({
  audit,
  at,
  logger,
  everyMs = 60_000,
  ...common
}: RefusedCallsDependencies): RefusedCalls {
  const counting = new Map<string, Counted>();

  async function record({ process, call }: RefusedCall, count: number, since: number): Promise<void> {
    logger.warn({ process, call, count }, 'calls were refused: the table does not have them');
    const refused: RecordDraft = {
      id: newId('record', common),
      type: 'access.refused',
      source: 'authorization-server',
      outcome: 'deny',
      reason: 'call_not_permitted',
      actors: [{ id: `process:${process}` }],
      data: { call, at, count, since: toInstant(since) },
    };
    await audit.append(refused);
  }

  async function recordCounted(key: string, counted: Counted): Promise<void> {
    const { count, since } = counted;
    if (count === 0) {
      counting.delete(key);
      return;
    }
    counted.count = 0;
    counted.since = common.clock.now();
    try {
      await record(counted.call, count, since);
    } catch (error) {
      counted.count += count;
      counted.since = since;
      logger.warn({ error }, 'refused calls are counted and could not be recorded');
    }
  }

  function wait(key: string, counted: Counted): void {
    counted.timer = setTimeout(async () => {
      await recordCounted(key, counted);
      if (counting.get(key) === counted) wait(key, counted);
    }, everyMs).unref();
  }

  return {
    async refuse(refused) {
      const call = { ...refused, call: knownCall(refused.call) };
      const key = `${call.process} ${call.call}`;
      const before = counting.get(key);
      if (before !== undefined) {
        before.count++;
        return before.recorded;
      }
      const since = common.clock.now();
      const counted: Counted = { call, since, count: 0, recorded: record(call, 1, since) };
      counting.set(key, counted);
      try {
        await counted.recorded;
      } catch (error) {
        counting.delete(key);
        throw error;
      }
      wait(key, counted);
    },
    async stop() {
      for (const [key, counted] of counting) {
        clearTimeout(counted.timer);
        await recordCounted(key, counted);
      }
      counting.clear();
    },
  };
}

/** Prevents invented method names from producing a record each. */
function knownCall(call: string): string {
  const [contract = '', method = ''] = call.split('/');
  const methods: object = Object.hasOwn(remoteCalls, contract) ? Object(Reflect.get(remoteCalls, contract)) : {};
  return Object.hasOwn(methods, method) ? call : 'unknown';
}
