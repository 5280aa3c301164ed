import type { Actor, AuditAppender } from '@countersign/contracts';
import { type Clock, isCodedError, newId, type Random, toInstant } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';

export interface Overdue {
  waits(since: number, error: unknown): Promise<void>;
  /** A stamp was obtained, or none is due. */
  settled(): void;
  /** Waiting time of the oldest due stamp. */
  waitingSeconds(): number;
}

/** One alarm per outage, in the server log and as a record. */
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
        // Raised again once it can be recorded.
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
