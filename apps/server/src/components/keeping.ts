import type { Directory } from '@countersign/contracts';
import { createRetention, type RunningRetention, retentionMigrations } from '@countersign/retention';
import { createTimeStamping, type RunningTimeStamping, timeStampingMigrations } from '@countersign/time-stamping';
import type { Signers } from '../keys/index.ts';
import { timeStampParts } from './evidence-parts.ts';
import type { Ground } from './ground.ts';
import type { LogParts } from './log.ts';
import type { Seen } from './seen.ts';
import { twoPeople } from './two-people.ts';

export interface KeepingParts {
  readonly timeStamping: RunningTimeStamping;
  readonly retention: RunningRetention;
}

export function startKeeping(
  { configuration, database, metrics, common, installation, started }: Ground,
  {
    auditLog,
    directory,
    authenticators,
    exchangeWith,
    signers,
  }: Pick<LogParts, 'auditLog'> &
    Pick<Seen, 'authenticators' | 'exchangeWith'> & {
      readonly directory: Pick<Directory, 'snapshotAtLeast'>;
      readonly signers: Pick<Signers, 'time-stamp'>;
    },
): KeepingParts {
  const timeStamping = started(
    'time stamping',
    createTimeStamping({
      pool: database.pool(timeStampingMigrations, { maxConnections: 3 }),
      log: auditLog,
      signer: signers['time-stamp'],
      by: installation,
      organization: configuration.operator.name,
      clockQuality: () => auditLog.clockQuality(),
      metrics,
      ...timeStampParts(configuration.timeStamps, exchangeWith),
      ...common,
    }),
  );
  const retention = started(
    'retention',
    createRetention({
      pool: database.pool(retentionMigrations, { maxConnections: 3 }),
      audit: auditLog,
      log: auditLog,
      custody: auditLog.custody,
      ...twoPeople({ directory, authenticators, auditLog }),
      ...common,
    }),
  );
  return { timeStamping, retention };
}
