import type { Actor, AuditAppender } from '@countersign/contracts';
import { type Clock, isCodedError, newId, type Random, toInstant } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';

export interface Overdue {
  /** Reports that a stamp has been due since this time, and why it could not be obtained. */
  waits(since: number, error: unknown): Promise<void>;
  /** Reports that a stamp was obtained, or that none is due. */
  settled(): void;
  /** How long the oldest due stamp has been waiting, in seconds. */
  waitingSeconds(): number;
}

/** Raises an alarm when time stamps are late: once per outage, in the service's log and as a record. */
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
        // Raised again when it can be recorded.
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
