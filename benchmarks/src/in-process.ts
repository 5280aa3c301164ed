import { join } from 'node:path';
import { auditLogMigrations, type RunningAuditLog } from '@countersign/audit-log';
import { directoryMigrations } from '@countersign/directory';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { policyEngineMigrations } from '@countersign/policy-engine';
import {
  type ComponentMigrations,
  createLogger,
  createScratchDatabase,
  type Logger,
  type ScratchDatabase,
} from '@countersign/runtime';
import { openProductLog } from './evidence/product-log.ts';

/** A table of the benchmark's own, for the floor beneath the audit log. */
export const floorMigrations: ComponentMigrations = {
  name: 'benchmark-floor',
  schema: 'benchmark_floor',
  role: 'countersign_benchmark_floor',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'insert-and-read',
};

/** What the suites without HTTP share: a real PostgreSQL with fsync on, and an audit log on it, in this process. */
export interface InProcess {
  readonly scratch: ScratchDatabase;
  readonly auditLog: RunningAuditLog;
  readonly logger: Logger;
  stop(): Promise<void>;
}

export async function startInProcess(options: {
  readonly folder: string;
  readonly onProgress: (message: string) => void;
}): Promise<InProcess> {
  const logger = createLogger({ level: 'error', name: 'benchmark' });
  const postgres = await startEmbeddedPostgres({
    dataFolder: join(options.folder, 'in-process'),
    fallbackRoots: [],
    onProgress: (message) => options.onProgress(`in process: ${message}`),
  });
  const closing: (() => Promise<void>)[] = [() => postgres.stop()];
  const stop = async (): Promise<void> => {
    for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
  };
  try {
    const components = [auditLogMigrations, directoryMigrations, policyEngineMigrations, floorMigrations];
    const scratch = await createScratchDatabase({ server: postgres.connection, components });
    closing.push(() => scratch.drop());
    const auditLog = await openProductLog({ pool: scratch.pool('audit-log'), logger });
    closing.push(() => auditLog.stop());
    return { scratch, auditLog, logger, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
