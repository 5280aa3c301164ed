import type { Actor, AuditAppender } from '@countersign/contracts';
import { type Clock, isCodedError, newId, type Random, toInstant } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';

export interface Overdue {
  /** Something that should be stamped has been waiting since then, for what `error` says. */
  waits(since: number, error: unknown): Promise<void>;
  /** Something was stamped, or nothing waits. */
  settled(): void;
  /** For how long the oldest has been waiting, in seconds. */
  waitingSeconds(): number;
}

/**
 * Raises the alarm when time stamps come too late: once for an outage, in the log for people and as a record, since what
 * was not stamped then is evidence of less.
 */
export function createOverdue(dependencies: {
  readonly audit: AuditAppender;
  readonly by: Actor;
  readonly authority: string;
  readonly lateAfterMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): Overdue {
  const { audit, by, authority, lateAfterMs, clock, random, logger } = dependencies;
  let waitingSince: number | undefined;
  let alarmed = false;

  return {
    async waits(since, error) {
      waitingSince = since;
      if (alarmed || clock.now() - since < lateAfterMs) return;
      const reason = isCodedError(error) ? error.code : 'timestamp_unavailable';
      logger.error({ error, authority, since: toInstant(since) }, 'time stamps are overdue');
      alarmed = true;
      try {
        await audit.append({
          id: newId('record', { clock, random }),
          type: 'timestamp.refused',
          source: 'time-stamping',
          outcome: 'deny',
          reason,
          subject: by,
          data: { overdue: true, waiting_since: toInstant(since), authority },
        });
      } catch (failure) {
        // Said again when it can be recorded.
        alarmed = false;
        throw failure;
      }
    },
    settled() {
      if (alarmed) logger.info({ authority }, 'time stamps come again');
      waitingSince = undefined;
      alarmed = false;
    },
    waitingSeconds: () => (waitingSince === undefined ? 0 : Math.max(0, clock.now() - waitingSince) / 1000),
  };
}
