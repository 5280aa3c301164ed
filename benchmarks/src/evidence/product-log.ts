import { createAuditLog, createProtection, type RunningAuditLog } from '@countersign/audit-log';
import type { Signer } from '@countersign/contracts';
import { sha256, systemClock, systemRandom } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type pg from 'pg';
import { memorySigner } from '../signers.ts';

type Dependencies = Parameters<typeof createAuditLog>[0];

export const logOrigin = 'benchmark.countersign.invalid/log';
export const entrySealKey = sha256('entries of the benchmark');

/** A log as a server opens it: with restricted values, streams and their monitor, a measured clock, and the index of terms. */
export function openProductLog({
  pool,
  logger,
  ...own
}: Partial<Dependencies> & { readonly pool: pg.Pool; readonly logger: Logger }): Promise<RunningAuditLog> {
  const common = { clock: systemClock, random: systemRandom, logger };
  const signer: Signer = own.signer ?? memorySigner('log-checkpoint');
  return createAuditLog({
    pool,
    origin: logOrigin,
    entrySealKey,
    node: 'benchmark',
    protection: createProtection({
      pool,
      sealing: (region) => ({ bytes: sha256(`sealing key of ${region}`) }),
      regionOf: () => 'default',
      ...common,
    }),
    ...common,
    ...own,
    signer,
  });
}
