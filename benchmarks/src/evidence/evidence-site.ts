import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningAuditLog } from '@countersign/audit-log';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { systemRandom } from '@countersign/kernel';
import {
  componentPool,
  createLogger,
  type Logger,
  migrate,
  type OwnerConnection,
  openDatabase,
  rolesSecretFromFile,
} from '@countersign/runtime';
import type pg from 'pg';
import { ownerPool } from '../growth/owner-pool.ts';
import { keptSigner } from '../signers.ts';
import type { Starter, Stoppable } from '../starter.ts';
import { fillMarketLog } from './fill-market-log.ts';
import { filledLogStore } from './filled-log-store.ts';
import { type FilledMarket, marketOf } from './filled-market.ts';
import { logComponent, openProductLog } from './product-log.ts';
import { asked } from './terms-behind.ts';

/** A log that has grown to so many records. */
export interface EvidenceSite {
  readonly name: string;
  readonly records: number;
  readonly market: FilledMarket;
  readonly auditLog: RunningAuditLog;
  /** As who owns the database. */
  readonly connection: OwnerConnection;
  readonly owner: pg.Pool;
  /** How many records a second got their terms, where they were drawn in this run. */
  readonly termsDrawnASecond: number | undefined;
}

/** A smaller log is filled anew more quickly than it is worth keeping, and has then grown by what was measured before. */
const keptFrom = 100_000;
/** Of the filled records: as long as a market keeps them close at hand. */
const daysFilled = 30;
const dayMs = 86_400_000;

/**
 * Logs of these sizes, each with a database of its own on one PostgreSQL, opened as a server opens it.
 *
 * @param options.keep a folder in which they are kept, and found again by the next run
 */
export async function startEvidenceSites(options: {
  readonly sizes: readonly number[];
  readonly folder: string;
  readonly keep: string | undefined;
  readonly started: Starter;
  readonly onProgress: (message: string) => void;
}): Promise<readonly EvidenceSite[]> {
  const { sizes, started, onProgress } = options;
  const folder = options.keep ?? join(options.folder, 'evidence');
  if (options.keep !== undefined) mkdirSync(folder, { recursive: true, mode: 0o711 });
  const postgres = await started(
    startEmbeddedPostgres({
      dataFolder: join(folder, 'evidence-logs'),
      fallbackRoots: [],
      onProgress: (message) => onProgress(`evidence: ${message}`),
    }),
  );
  const sites: EvidenceSite[] = [];
  for (const records of sizes)
    sites.push(await startSite({ records, folder, server: postgres.connection, started, onProgress }));
  return sites;
}

async function startSite({
  records,
  folder,
  server,
  started,
  onProgress,
}: {
  readonly records: number;
  readonly folder: string;
  readonly server: OwnerConnection;
  readonly started: Starter;
  readonly onProgress: (message: string) => void;
}): Promise<EvidenceSite> {
  const name = `${records.toLocaleString('en-US')} records`;
  const say = (message: string): void => onProgress(`a log of ${name}: ${message}`);
  const logger = createLogger({ level: 'error', name: 'benchmark' });
  const database = `evidence_${records}`;
  // Written when a log is whole: with it, the log is found again.
  const keyFile = join(folder, `${database}.pem`);
  const isKept = records >= keptFrom && existsSync(keyFile);
  const connection = { ...server, database };
  if (!isKept) await createEmpty(server, database);
  const opened = await openDatabase({
    connection,
    rolesSecret: rolesSecretFromFile(join(folder, 'evidence-roles'), systemRandom),
  });
  await migrate({ database: opened, components: [logComponent] });
  const owner = ownerPool(urlOf(connection), 2);
  const pool = componentPool({
    ...logComponent,
    database: opened,
    applicationName: 'audit-log',
  });
  await started(Promise.resolve(stoppable(async () => void (await Promise.all([pool.end(), owner.end()])))));
  const key = isKept ? createPrivateKey(readFileSync(keyFile)) : generateKeyPairSync('ed25519').privateKey;
  const market = marketOf(records);
  if (!isKept) await fill({ market, owner, pool, key, logger, say });
  const auditLog = await started(openProductLog({ pool, logger, signer: keptSigner('log-checkpoint', key) }));
  if ((await filledLogStore(owner).size()) < records) throw new Error('records were lost before anything was measured');
  const termsDrawnASecond = isKept ? undefined : await drawTerms(auditLog, filledLogStore(owner), say);
  if (!isKept) {
    await owner.query('vacuum (analyze)');
    await owner.query('checkpoint');
    writeFileSync(keyFile, key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  }
  return { name, records, market, auditLog, connection, owner, termsDrawnASecond };
}

/** Opened a month ago, filled up to now. */
async function fill({
  market,
  owner,
  pool,
  key,
  logger,
  say,
}: {
  readonly market: FilledMarket;
  readonly owner: pg.Pool;
  readonly pool: pg.Pool;
  readonly key: KeyObject;
  readonly logger: Logger;
  readonly say: (message: string) => void;
}): Promise<void> {
  const until = Date.now();
  const from = until - daysFilled * dayMs;
  const signer = keptSigner('log-checkpoint', key);
  const first = await openProductLog({ pool, logger, signer, clock: { now: () => from }, watchEveryMs: 0 });
  await first.stop();
  const place = await filledLogStore(owner).size();
  await fillMarketLog(owner, { market, first: place, from: from + 1, until }, say);
}

/** @returns how many records a second */
async function drawTerms(
  auditLog: RunningAuditLog,
  store: ReturnType<typeof filledLogStore>,
  say: (message: string) => void,
): Promise<number> {
  const size = await store.size();
  const began = performance.now();
  for (let drawn = 0; drawn < size; drawn = await store.drawn()) {
    say(`terms: ${drawn.toLocaleString('en-US')} records`);
    await asked(auditLog);
  }
  return size / ((performance.now() - began) / 1000);
}

async function createEmpty(server: OwnerConnection, database: string): Promise<void> {
  const pool = ownerPool(urlOf(server));
  try {
    // One that was not filled to its end by an earlier run.
    await pool.query(`drop database if exists ${database} with (force)`);
    await pool.query(`create database ${database} template template0 encoding 'UTF8'`);
  } finally {
    await pool.end();
  }
}

function urlOf({ user, password, host, port, database }: OwnerConnection): string {
  return `postgres://${user}:${password}@${host}:${port}/${database}`;
}

function stoppable(stop: () => Promise<void>): Stoppable {
  return { stop };
}
