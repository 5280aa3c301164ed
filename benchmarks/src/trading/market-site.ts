import { auditLogMigrations, type RunningAuditLog } from '@countersign/audit-log';
import { createDirectory, directoryMigrations } from '@countersign/directory';
import { systemClock, systemRandom } from '@countersign/kernel';
import {
  type ComponentAccess,
  type ComponentMigrations,
  createScratchDatabase,
  type ScratchDatabase,
} from '@countersign/runtime';
import { everybodyIndependent, everyProposerStands } from '@countersign/testkit';
import type pg from 'pg';
import { openProductLog } from '../evidence/product-log.ts';
import { ownerPool } from '../growth/owner-pool.ts';
import type { InProcess } from '../in-process.ts';
import type { Starter, Stoppable } from '../starter.ts';
import { tradingDirectory } from './firms.ts';

/** What components of the market are joined to: a database of their own, a log, and a directory that knows the firms. */
export interface MarketSite extends Stoppable {
  readonly auditLog: RunningAuditLog;
  readonly directory: Awaited<ReturnType<typeof createDirectory>>;
  readonly scratch: ScratchDatabase;
  /** As who owns the database. */
  readonly owner: pg.Pool;
  accessOf(component: ComponentMigrations): ComponentAccess;
  /** Takes note of what has been started here: it is stopped before whatever was started earlier. */
  running<Part extends Stoppable>(part: Part): Part;
}

/**
 * A site in this process, joined as a server joins it, on the PostgreSQL of the run.
 *
 * @param options.components beside the log and the directory
 */
export async function startMarketSite({
  inProcess,
  started,
  components,
  ownerConnections,
}: {
  readonly inProcess: Pick<InProcess, 'scratch' | 'logger'>;
  /** Sees to it that what is started gets stopped, whatever happens. */
  readonly started: Starter;
  readonly components: readonly ComponentMigrations[];
  readonly ownerConnections: number;
}): Promise<MarketSite> {
  const { logger } = inProcess;
  const parts: Stoppable[] = [];
  const stop = async (): Promise<void> => {
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) await part.stop();
  };
  await started(Promise.resolve({ stop }));
  const running = <Part extends Stoppable>(part: Part): Part => {
    parts.push(part);
    return part;
  };

  const scratch = await createScratchDatabase({
    server: inProcess.scratch.connection,
    components: [auditLogMigrations, directoryMigrations, ...components],
  });
  running({ stop: () => scratch.drop() });
  const accessOf = ({ name, schema }: ComponentMigrations): ComponentAccess => ({
    database: scratch.database,
    role: scratch.components.find((component) => component.name === name)?.role ?? '',
    schema,
    applicationName: name,
  });
  const { user, password, host, port, database } = scratch.connection;
  const owner = ownerPool(`postgres://${user}:${password}@${host}:${port}/${database}`, ownerConnections);
  running({ stop: () => owner.end() });

  const auditLog = running(await openProductLog({ pool: scratch.pool(auditLogMigrations.name), logger }));
  const directory = running(
    await createDirectory({
      pool: scratch.pool(directoryMigrations.name),
      access: accessOf(directoryMigrations),
      audit: auditLog,
      proposerStanding: everyProposerStands,
      independence: everybodyIndependent,
      clock: systemClock,
      random: systemRandom,
      logger,
    }),
  );
  await directory.apply(tradingDirectory(), { id: 'service:benchmark' });
  return { auditLog, directory, scratch, owner, accessOf, running, stop };
}
