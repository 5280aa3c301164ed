import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { migrate } from '@countersign/runtime';
import { createTestDatabase } from '@countersign/testkit';
import pg from 'pg';
import { expect, it } from 'vitest';
import { transactionRegistryMigrations } from './index.ts';

const transactionId = 'txn_01kv5b0p3q8h6s2m4n7x9a1c5e';

/** A transaction, its step and its exception as written before life cycles existed. */
const before = `
  set search_path to transaction_registry;
  insert into transactions values ('${transactionId}', 'oms', 'key-0001',
    '{"type":"urn:countersign:rar:v1:trade_order"}', 'digest', 'person:tess', 'LEI-BROKER', 'mnd_1', 2, 'rec_1', 'executed',
    2, 'rec_3', 'rec_2', '2026-06-15T10:00:00Z');
  insert into transactions values ('txn_settled', 'oms', 'key-0002',
    '{"type":"urn:countersign:rar:v1:trade_order"}', 'digest', 'person:tess', 'LEI-BROKER', 'mnd_1', 2, 'rec_1', 'settled',
    4, 'rec_3', 'rec_2', '2026-06-15T10:00:00Z');
  insert into transaction_parties values ('${transactionId}', 'LEI-BROKER');
  insert into transitions values ('${transactionId}', 1, 'submit', 'submitted', 'LEI-BROKER', 'submit-1', 'digest', '{}',
    'rec_2', '2026-06-15T10:00:01Z');
  insert into exceptions values ('exc_1', '${transactionId}', 'clear', 'mandate_revoked', 'It was revoked.', 'open',
    '2026-06-15T10:00:02Z', 'rec_4');
`;

it('takes over what an earlier release has written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'earlier-release-'));
  const first = '0001_transactions.sql';
  cpSync(new URL(first, transactionRegistryMigrations.migrationsFolder), join(folder, first));
  const earlier = { ...transactionRegistryMigrations, migrationsFolder: pathToFileURL(`${folder}/`) };
  const scratch = await createTestDatabase({ components: [earlier] });
  const client = new pg.Client(scratch.connection);
  try {
    await client.connect();
    await client.query(before);
    const { migrationsFolder } = transactionRegistryMigrations;
    await migrate({
      database: scratch.database,
      components: scratch.components.map((component) => ({ ...component, migrationsFolder })),
    });
    const transactions = await client.query(
      'select id, ended, awaited_until, carried_by from transactions order by id',
    );
    expect(transactions.rows).toEqual([
      { id: transactionId, ended: false, awaited_until: null, carried_by: null },
      { id: 'txn_settled', ended: true, awaited_until: null, carried_by: null },
    ]);
    const exceptions = await client.query('select cause, owner, due_at, overdue_at, raised_version from exceptions');
    expect(exceptions.rows).toEqual([
      {
        cause: 'mandate',
        owner: 'LEI-BROKER',
        due_at: new Date('2026-06-15T14:00:02Z'),
        overdue_at: null,
        raised_version: 2,
      },
    ]);
  } finally {
    await client.end();
    await scratch.drop();
    rmSync(folder, { recursive: true });
  }
});
