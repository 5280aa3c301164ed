import { join } from 'node:path';
import { auditLogMigrations } from '@countersign/audit-log';
import { directoryMigrations } from '@countersign/directory';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { policyEngineMigrations } from '@countersign/policy-engine';
import { type ComponentMigrations, createLogger, createScratchDatabase } from '@countersign/runtime';
import { openProductLog } from './evidence/product-log.ts';
import { about, type Run } from './starter.ts';

/** The benchmark's own table, for the floors. */
export const floorMigrations: ComponentMigrations = {
  name: 'benchmark-floor',
  schema: 'benchmark_floor',
  role: 'countersign_benchmark_floor',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'insert-and-read',
};

/** What the suites without HTTP share: a real PostgreSQL with fsync on, and an audit log on it, in this process. */
export type InProcess = Awaited<ReturnType<typeof startInProcess>>;

export async function startInProcess({ folder, started, onProgress }: Run) {
  const logger = createLogger({ level: 'error', name: 'benchmark' });
  const dataFolder = join(folder, 'in-process');
  const { connection } = await started(
    startEmbeddedPostgres({ dataFolder, fallbackRoots: [], onProgress: about('in process', onProgress) }),
  );
  const components = [auditLogMigrations, directoryMigrations, policyEngineMigrations, floorMigrations];
  const scratch = await createScratchDatabase({ server: connection, components });
  await started({ stop: () => scratch.drop() });
  const auditLog = await started(openProductLog({ pool: scratch.pool('audit-log'), logger }));
  return { scratch, auditLog, logger };
}
