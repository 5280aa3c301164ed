import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { auditLogMigrations, type RunningAuditLog } from '@countersign/audit-log';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { systemRandom } from '@countersign/kernel';
import {
  componentPool,
  createLogger,
  migrate,
  type OwnerConnection,
  openDatabase,
  rolesSecretFromFile,
} from '@countersign/runtime';
import { analyseAndCheckpoint, ownerPool } from '../growth/owner-pool.ts';
import { keptSigner } from '../signers.ts';
import { about, type Progress, type Run } from '../starter.ts';
import { fillMarketLog } from './fill-market-log.ts';
import { filledLogStore } from './filled-log-store.ts';
import { marketOf } from './filled-market.ts';
import { openProductLog } from './product-log.ts';
import { asked } from './terms-behind.ts';

export type EvidenceSite = Awaited<ReturnType<typeof startSite>>;

/** A smaller log is faster to fill again than worth keeping. */
const keptFrom = 100_000;
/** The filled records cover the time for which a market keeps them at hand. */
const filledMs = 30 * 86_400_000;

interface Options extends Run {
  readonly sizes: readonly number[];
  /** A folder in which logs are kept for the next run. */
  readonly keep?: string | undefined;
}

/** Logs of these sizes on one PostgreSQL, each with its own database, opened as a server opens them. */
export async function startEvidenceSites(options: Options): Promise<readonly EvidenceSite[]> {
  const { sizes, keep, started } = options;
  const folder = keep ?? join(options.folder, 'evidence');
  if (keep !== undefined) mkdirSync(folder, { recursive: true, mode: 0o711 });
  const onProgress = about('evidence', options.onProgress);
  const dataFolder = join(folder, 'evidence-logs');
  const { connection } = await started(startEmbeddedPostgres({ dataFolder, fallbackRoots: [], onProgress }));
  const sites: EvidenceSite[] = [];
  for (const records of sizes) sites.push(await startSite(records, connection, { ...options, folder }));
  return sites;
}

async function startSite(records: number, server: OwnerConnection, { folder, started, onProgress }: Options) {
  const name = `${records.toLocaleString('en-US')} records`;
  const say = about(`a log of ${name}`, onProgress);
  const logger = createLogger({ level: 'error', name: 'benchmark' });
  const database = `evidence_${records}`;
  // Written when the log is complete; the next run finds the log by this file.
  const keyFile = join(folder, `${database}.pem`);
  const isKept = records >= keptFrom && existsSync(keyFile);
  const connection = { ...server, database };
  if (!isKept) await createEmpty(server, database);
  const rolesSecret = rolesSecretFromFile(join(folder, 'evidence-roles'), systemRandom);
  const opened = await openDatabase({ connection, rolesSecret });
  await migrate({ database: opened, components: [auditLogMigrations] });
  const owner = ownerPool(connection, 2);
  const pool = componentPool({ ...auditLogMigrations, database: opened, applicationName: 'audit-log' });
  await started({ stop: async () => void (await Promise.all([pool.end(), owner.end()])) });
  const key = isKept ? createPrivateKey(readFileSync(keyFile)) : generateKeyPairSync('ed25519').privateKey;
  const signer = keptSigner('log-checkpoint', key);
  const market = marketOf(records);
  const store = filledLogStore(owner);
  if (!isKept) {
    const until = Date.now();
    const from = until - filledMs;
    const first = await openProductLog({ pool, logger, signer, clock: { now: () => from }, watchEveryMs: 0 });
    await first.stop();
    await fillMarketLog(owner, { market, first: await store.size(), from: from + 1, until }, say);
  }
  const auditLog = await started(openProductLog({ pool, logger, signer }));
  if ((await store.size()) < records) throw new Error('records were lost before the measurement');
  /** Records per second that were indexed in this run. */
  const termsIndexedASecond = isKept ? undefined : await indexTerms(auditLog, store, say);
  if (!isKept) {
    await analyseAndCheckpoint(owner);
    writeFileSync(keyFile, key.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  }
  return { name, records, market, auditLog, connection, owner, termsIndexedASecond };
}

/** @returns records per second */
async function indexTerms(
  auditLog: RunningAuditLog,
  store: ReturnType<typeof filledLogStore>,
  say: Progress,
): Promise<number> {
  const size = await store.size();
  const began = performance.now();
  for (let indexed = 0; indexed < size; indexed = await store.indexed()) {
    say(`terms: ${indexed.toLocaleString('en-US')} records`);
    await asked(auditLog);
  }
  return size / ((performance.now() - began) / 1000);
}

async function createEmpty(server: OwnerConnection, database: string): Promise<void> {
  const pool = ownerPool(server);
  try {
    // An earlier run may have been interrupted.
    await pool.query(`drop database if exists ${database} with (force)`);
    await pool.query(`create database ${database} template template0 encoding 'UTF8'`);
  } finally {
    await pool.end();
  }
}
