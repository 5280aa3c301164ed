import type { RecordDraft } from '@countersign/contracts';
import { recordRules } from '@countersign/evidence';
import { newId, type RecordId, sha256, systemRandom } from '@countersign/kernel';
import { type ComponentPoolOptions, createLogger, type SealingKey } from '@countersign/runtime';
import { createMemorySigner, createTestDatabase, fixedClock } from '@countersign/testkit';
import type pg from 'pg';
import {
  type AuditLogDependencies,
  auditLogMigrations,
  createAuditLog,
  createProtection,
  evidenceEraserMigrations,
  type Protection,
  type ProtectionDependencies,
  type RunningAuditLog,
} from '../index.ts';
import { tamper } from './superuser-store.ts';

export const logger = createLogger({ level: 'silent', name: 'test' });
const ids = { clock: fixedClock(Date.parse('2026-11-21T09:00:00Z')), random: systemRandom };

export function draft(members: Partial<RecordDraft> = {}): RecordDraft {
  return {
    id: newId('record', ids),
    type: 'access.refused',
    source: recordRules[members.type ?? '']?.source ?? 'test',
    outcome: 'deny',
    reason: 'test',
    ...members,
  };
}

export function drafts(count: number, members: Partial<RecordDraft> = {}): readonly RecordDraft[] {
  return Array.from({ length: count }, () => draft(members));
}

export const newTransaction = () => newId('transaction', ids);
export const newMandate = () => newId('mandate', ids);
export const newRecordId = (): RecordId => newId('record', ids);

/** A different key per region, the same on every node. */
export function sealingOf(region: string): SealingKey {
  return { bytes: sha256(`sealing key of ${region}`) };
}

/** The secret of the installation from which seals are derived. */
export const entrySealKey = sha256('entries of the test');

/** Where a test's own records start in a log that was opened once: after the stream, the opening and the clock. */
export const firstPlace = 3;

/** A separate database with the log's tables, and logs on it. */
export async function createRig() {
  const scratch = await createTestDatabase({ components: [auditLogMigrations, evidenceEraserMigrations] });
  const signer = createMemorySigner();
  const clock = fixedClock(Date.parse('2026-11-21T09:30:00Z'));
  const running: RunningAuditLog[] = [];

  const pool = (options?: Partial<ComponentPoolOptions>): pg.Pool =>
    scratch.pool('audit-log', { maxConnections: 4, byIndexAlone: true, ...options });
  const protection = (options: Partial<ProtectionDependencies> = {}): Protection =>
    createProtection({
      pool: options.pool ?? pool(),
      clock,
      random: systemRandom,
      logger,
      sealing: sealingOf,
      regionOf: () => 'eu',
      ...options,
    });
  return {
    scratch,
    signer,
    clock,
    pool,
    /** Protection on this rig's database, with keys that every node has. */
    protection,
    async open(options: Partial<AuditLogDependencies> = {}): Promise<RunningAuditLog> {
      const own = options.pool ?? pool();
      const log = await createAuditLog({
        pool: own,
        eraserPool: scratch.pool('evidence-eraser', { maxConnections: 2 }),
        protection: options.protection ?? protection({ pool: own }),
        clock,
        random: systemRandom,
        signer,
        entrySealKey,
        origin: 'log.example/test',
        logger,
        node: 'test',
        checkpointEveryMs: 600_000,
        // Extended only by queries, so that counted reads are those of the test.
        indexTermsEveryMs: 600_000,
        // After the records of opening a log, only tests record.
        beatEveryMs: 0,
        watchEveryMs: 0,
        clockPolicy: { windowMs: 0 },
        ...options,
      });
      running.push(log);
      return log;
    },
    tamper: (sql: string, values?: readonly unknown[]) => tamper(scratch.connection, sql, values),
    async close() {
      await Promise.all(running.map((log) => log.stop()));
      await scratch.drop();
    },
  };
}

export type Rig = Awaited<ReturnType<typeof createRig>>;
