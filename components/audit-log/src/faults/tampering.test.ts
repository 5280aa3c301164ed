import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { type ColumnKind, openVandal } from '../testing/altered-rows.ts';
import { createRig, draft, drafts, newMandate, newTransaction, type Rig } from '../testing/rig.ts';
import { fetchExchange, startTestWitness, type TestWitness } from '../testing/test-witness.ts';

// A superuser who bypasses every trigger, against a full log: several tiles and checkpoints, cosignatures, restricted values,
// and a head guard outside the database.

let rig: Rig;
let log: RunningAuditLog;
let witness: TestWitness;
let vandal: Awaited<ReturnType<typeof openVandal>>;
const guardFolder = mkdtempSync(join(tmpdir(), 'tampering-'));
let size: bigint;

beforeAll(async () => {
  rig = await createRig();
  witness = await startTestWitness('alpha');
  const open = () =>
    rig.open({
      headGuardFolder: guardFolder,
      witnessing: {
        policy: `${witness.line}quorum alpha\n`,
        exchange: fetchExchange,
        everyMs: 600_000,
        timeoutMs: 30_000,
        alarmAfterMs: 0,
      },
    });
  log = await open();
  for (let round = 0; round < 3; round++) {
    await Promise.all([
      ...drafts(85, { transaction: newTransaction() }).map((one) => log.append(one)),
      log.append(draft({ type: 'mandate.suspended', data: { mandate: { id: newMandate() } } })),
      ...[1, 2].map((number) =>
        log.append(
          draft({
            type: 'transaction.opened',
            data: { number },
            address: '192.0.2.1',
            protectedValues: [{ path: '/data/intent', kind: 'strategy', subject: 'firm', value: { price: number } }],
          }),
        ),
      ),
    ]);
    await log.checkpoint();
  }
  const verdict = await log.verify();
  if (!verdict.ok) throw new Error(verdict.detail);
  size = verdict.size;
  vandal = await openVandal(rig.scratch.connection);
});
afterAll(async () => {
  await vandal.close();
  await rig.close();
  await witness.stop();
  rmSync(guardFolder, { recursive: true });
});

/** Reproducible pseudo-random numbers from 0 to 1. */
function portions(seed: string, count: number): readonly (readonly [number, number])[] {
  return Array.from({ length: count }, (_, number) => {
    const hash = createHash('sha256').update(`${seed} ${number}`).digest();
    return [hash.readUInt32BE(0) / 2 ** 32, hash.readUInt32BE(4) / 2 ** 32];
  });
}

type Column = readonly [table: string, column: string, kind: ColumnKind, times: number, where?: string];
const columns: readonly Column[] = [
  ['entries', 'index', 'number', 2],
  ['entries', 'record_id', 'text', 3],
  ['entries', 'type', 'text', 3],
  ['entries', 'transaction', 'text', 3, 'transaction is not null'],
  ['entries', 'mandate', 'text', 2, 'mandate is not null'],
  ['entries', 'leaf_hash', 'bytes', 6],
  ['entries', 'class', 'text', 2],
  ['entries', 'recorded_at', 'number', 2],
  ['bodies_access', 'index', 'number', 2],
  ['bodies_access', 'body', 'bytes', 10],
  ['bodies_transaction', 'body', 'bytes', 6],
  ['bodies_operation', 'body', 'bytes', 4],
  ['tiles', 'level', 'level', 1],
  ['tiles', 'index', 'number', 1],
  ['tiles', 'hashes', 'bytes', 8],
  ['tiles', 'root', 'bytes', 3],
  ['checkpoints', 'size', 'number', 2],
  ['checkpoints', 'key_id', 'text', 2],
  ['checkpoints', 'note', 'text', 8],
  ['published_checkpoints', 'size', 'number', 2],
  ['published_checkpoints', 'note', 'text', 8],
  ['cosignatures', 'witness', 'text', 4],
  ['cosignatures', 'size', 'number', 2],
  ['cosignatures', 'note', 'text', 8],
  ['protected_values', 'key', 'text', 2],
  ['protected_values', 'record_id', 'text', 2],
  ['protected_values', 'path', 'text', 2],
  ['protected_values', 'ciphertext', 'bytes', 6],
  ['subject_keys', 'id', 'text', 2],
  ['subject_keys', 'subject', 'text', 2],
  ['subject_keys', 'region', 'text', 2],
  ['subject_keys', 'class', 'text', 2],
  ['subject_keys', 'year', 'number', 1],
  ['subject_keys', 'sealed_key', 'bytes', 4],
];

describe('a changed byte of any stored row', () => {
  it.each(columns.map(([table, column, kind, times, where = 'true']) => ({ table, column, kind, times, where })))(
    'is found in $table.$column',
    async ({ table, column, kind, times, where }) => {
      const rows = await vandal.rows(table, where);
      expect(rows.length).toBeGreaterThan(0);
      for (const [which, at] of portions(`${table}.${column}`, times)) {
        const places = await vandal.rows(table, where);
        const row = places[Math.floor(which * places.length)] ?? '';
        const takeBack = await vandal.alter(table, column, kind, row, at);
        const verdict = await log.verify();
        expect(verdict, `row ${which}, byte ${at}`).toMatchObject({ ok: false, detail: expect.stringMatching(/\d/) });
        await takeBack();
      }
      expect(await log.verify()).toEqual({ ok: true, size, root: expect.any(String) });
    },
  );
});

describe('records that were moved together with their hashes', () => {
  /** Makes a change, returns the verdict, and restores the rows. */
  async function verdictAfter(...statements: readonly string[]) {
    const tables = ['entries', 'bodies', 'tiles', 'checkpoints', 'published_checkpoints', 'cosignatures'];
    for (const table of tables) await vandal.query(`create temp table kept_${table} as table ${table}`);
    try {
      for (const statement of statements) await vandal.query(statement);
      return await log.verify();
    } finally {
      for (const table of tables) {
        await vandal.query(`delete from ${table}`);
        await vandal.query(`insert into ${table} overriding system value table kept_${table}`);
        await vandal.query(`drop table kept_${table}`);
      }
    }
  }
  const shift = (table: string, condition: string, by: string): string =>
    `update ${table} set index = index ${by} where ${condition}`;

  it('are detected when one is dropped and the others move up', async () => {
    const verdict = await verdictAfter(
      'delete from entries where index = 50',
      'delete from bodies where index = 50',
      ...['entries', 'bodies'].flatMap((table) => [
        shift(table, 'index > 50', '+ 100000'),
        shift(table, 'index > 100000', '- 100001'),
      ]),
    );
    expect(verdict).toMatchObject({ ok: false, reason: 'entry_missing' });
    expect(await log.verify()).toMatchObject({ ok: true, size });
  });

  it('are detected when two have changed places', async () => {
    const verdict = await verdictAfter(
      ...['entries', 'bodies'].flatMap((table) => [
        shift(table, 'index in (60, 61)', '+ 100000'),
        `update ${table} set index = 100121 - index where index > 100000`,
      ]),
    );
    expect(verdict).toMatchObject({ ok: false, reason: 'number_missing', index: 60n });
  });

  it('are detected when the tail was rewritten and every checkpoint over it removed', async () => {
    const tail = size - 5n;
    const rewrite = [
      `update bodies set body = convert_to(replace(convert_from(body, 'UTF8'), '"reason":"test"', '"reason":"fine"'), 'UTF8') where index >= ${tail}`,
      `update entries set leaf_hash = sha256('\\x00'::bytea || body) from bodies where bodies.index = entries.index and entries.index >= ${tail}`,
      ...['checkpoints', 'published_checkpoints', 'cosignatures'].map(
        (table) => `delete from ${table} where size > ${tail}`,
      ),
    ];
    expect(await verdictAfter(...rewrite)).toMatchObject({
      ok: false,
      reason: 'entry_altered',
      detail: 'The entries are not those that this process appended.',
    });
  });
});
