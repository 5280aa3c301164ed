import { auditLogMigrations } from '@countersign/audit-log';
import { createDirectory, directoryMigrations } from '@countersign/directory';
import { systemClock, systemRandom } from '@countersign/kernel';
import { type ComponentAccess, type ComponentMigrations, createScratchDatabase } from '@countersign/runtime';
import { everybodyIndependent, everyProposerActive } from '@countersign/testkit';
import { openProductLog } from '../evidence/product-log.ts';
import { ownerPool } from '../growth/owner-pool.ts';
import type { InProcess } from '../in-process.ts';
import { createParts, type Run } from '../starter.ts';
import { tradingDirectory } from './firms.ts';

/** The environment of components of the market: a database, a log, and a directory with the firms. */
export type MarketSite = Awaited<ReturnType<typeof startMarketSite>>;

interface Options extends Pick<Run, 'started'> {
  readonly inProcess: Pick<InProcess, 'scratch' | 'logger'>;
  /** In addition to the log and the directory. */
  readonly components: readonly ComponentMigrations[];
  readonly ownerConnections: number;
}

/** A site in this process, composed as in a server, on the PostgreSQL of the run. */
export async function startMarketSite({ inProcess, started: outer, components, ownerConnections }: Options) {
  const { logger } = inProcess;
  const { started, stop } = await outer(createParts());
  const scratch = await createScratchDatabase({
    server: inProcess.scratch.connection,
    components: [auditLogMigrations, directoryMigrations, ...components],
  });
  await started({ stop: () => scratch.drop() });
  const accessOf = ({ name, schema }: ComponentMigrations): ComponentAccess => ({
    database: scratch.database,
    role: scratch.components.find((component) => component.name === name)?.role ?? '',
    schema,
    applicationName: name,
  });
  const owner = ownerPool(scratch.connection, ownerConnections);
  await started({ stop: () => owner.end() });

  const auditLog = await started(openProductLog({ pool: scratch.pool(auditLogMigrations.name), logger }));
  const directory = await started(
    createDirectory({
      pool: scratch.pool(directoryMigrations.name),
      access: accessOf(directoryMigrations),
      audit: auditLog,
      proposerStanding: everyProposerActive,
      independence: everybodyIndependent,
      clock: systemClock,
      random: systemRandom,
      logger,
    }),
  );
  await directory.apply(tradingDirectory(), { id: 'service:benchmark' });
  return { auditLog, directory, scratch, owner, accessOf, started, stop };
}
