import { generateKeyPairSync, sign } from 'node:crypto';
import type { PublicKey, RecordDraft, Signer } from '@countersign/contracts';
import { newId, type RecordId, systemRandom } from '@countersign/kernel';
import { type ComponentPoolOptions, createLogger } from '@countersign/runtime';
import { createTestDatabase, fixedClock } from '@countersign/testkit';
import type pg from 'pg';
import { auditLogMigrations, createAuditLog, type RunningAuditLog } from '../index.ts';
import { tamper } from './superuser-store.ts';

/** An Ed25519 key in memory that can be rotated: `Signer` without its storage. */
export function memorySigner(): Signer {
  const pairs: { readonly key: PublicKey; readonly sign: (data: Uint8Array) => Buffer }[] = [];
  const add = (): PublicKey => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const { x = '' } = publicKey.export({ format: 'jwk' });
    const key: PublicKey = {
      kid: x,
      algorithm: 'EdDSA',
      purpose: 'log-checkpoint',
      state: 'active',
      jwk: { kty: 'OKP', crv: 'Ed25519', x },
    };
    pairs.push({ key, sign: (data) => sign(null, data, privateKey) });
    return key;
  };
  const first = add();
  return {
    current: async () => pairs.at(-1)?.key ?? first,
    async sign(_purpose, kid, data) {
      const pair = pairs.find(({ key }) => key.kid === kid);
      if (pair === undefined) throw new Error('no such key');
      return { kid, algorithm: 'EdDSA', signature: pair.sign(data) };
    },
    publicKeys: async () => pairs.map(({ key }) => key),
    rotate: async () => add(),
    async withdraw(_purpose, kid) {
      pairs.splice(0, pairs.length, ...pairs.filter(({ key }) => key.kid !== kid));
      return add();
    },
  };
}

export const logger = createLogger({ level: 'silent', name: 'test' });
const ids = { clock: fixedClock(Date.parse('2026-11-21T09:00:00Z')), random: systemRandom };

export function draft(members: Partial<RecordDraft> = {}): RecordDraft {
  return {
    id: newId('record', ids),
    type: 'access.refused',
    source: 'test',
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

/** A database of its own with the log's tables, and logs on it. */
export async function createRig() {
  const scratch = await createTestDatabase({ components: [auditLogMigrations] });
  const signer = memorySigner();
  const clock = fixedClock(Date.parse('2026-11-21T09:30:00Z'));
  const running: RunningAuditLog[] = [];

  const pool = (options?: Partial<ComponentPoolOptions>): pg.Pool =>
    scratch.pool('audit-log', { maxConnections: 4, ...options });
  return {
    scratch,
    signer,
    clock,
    pool,
    async open(
      options: { readonly pool?: pg.Pool; readonly signer?: Signer; readonly checkpointEveryMs?: number } = {},
    ): Promise<RunningAuditLog> {
      const log = await createAuditLog({
        pool: options.pool ?? pool(),
        clock,
        random: systemRandom,
        signer: options.signer ?? signer,
        origin: 'log.example/test',
        logger,
        checkpointEveryMs: options.checkpointEveryMs ?? 600_000,
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
