import { hostname } from 'node:os';
import {
  type AuditLogDependencies,
  auditLogMigrations,
  createAuditLog,
  createProtection,
  evidenceEraserMigrations,
  type RunningAuditLog,
} from '@countersign/audit-log';
import type { Keyring } from '@countersign/runtime';
import { openLogKeys } from '../keys/index.ts';
import { clockParts, publicationParts } from './evidence-parts.ts';
import type { Ground } from './ground.ts';
import type { Seen } from './seen.ts';

/** The log that everything else is recorded in. */
export interface LogParts {
  readonly auditLog: RunningAuditLog;
  readonly logKeys: Keyring<'log-checkpoint'>;
}

export async function startLog(
  { configuration, database, metrics, common, keyFor, keyring, started }: Ground,
  { exchangeWith, unfitRecords }: Pick<Seen, 'exchangeWith'> & Pick<AuditLogDependencies, 'unfitRecords'>,
): Promise<LogParts> {
  const logKeys = started(
    'keys of the log',
    await openLogKeys({ ...keyring(auditLogMigrations), leadHours: configuration.keys.logKeyLeadHours }),
  );
  const key = keyFor(auditLogMigrations);
  const pool = database.pool(auditLogMigrations, { byIndexAlone: true });
  const auditLog = started(
    'audit log',
    await createAuditLog({
      pool,
      eraserPool: database.pool(evidenceEraserMigrations, { maxConnections: 2 }),
      signer: logKeys,
      origin: configuration.logOrigin,
      entrySealKey: key.derive('entry-seal'),
      protection: createProtection({
        pool,
        // A node holds only the key of its own region.
        sealing: (region) => (region === configuration.region ? key.sealingOf(region) : undefined),
        regionOf: () => configuration.region,
        ...common,
      }),
      metrics,
      unfitRecords,
      node: hostname(),
      ...publicationParts(configuration.publication, { node: configuration, exchangeWith }),
      ...clockParts(configuration.clock, common),
      ...common,
    }),
  );
  return { auditLog, logKeys };
}
