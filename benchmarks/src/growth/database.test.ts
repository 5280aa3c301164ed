import { createScratchDatabase, type ScratchDatabase } from '@countersign/runtime';
import { migratedComponents } from '@countersign/server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type OwnedDatabase, openOwnedDatabase } from './database-store.ts';
import { filledTables } from './filled-tables-store.ts';

let scratch: ScratchDatabase;
let owned: OwnedDatabase;
beforeAll(async () => {
  scratch = await createScratchDatabase({ components: migratedComponents });
  owned = openOwnedDatabase(scratch.connection);
});
afterAll(async () => {
  await owned?.stop();
  await scratch?.drop();
});

describe('the database of a grown control plane', () => {
  it('has the requested number of rows in every table, under all constraints, and reports progress', async () => {
    const said: string[] = [];
    await owned.fill(130, (message) => said.push(message));
    expect(await owned.rowCounts()).toEqual(filledTables.map(({ table }) => ({ table, rows: 130 })));
    expect(said).toEqual(filledTables.map(({ table }) => `${table}: 130 of 130 rows`));
  });

  it('reports the reads of each table, and of the log, which is not filled', async () => {
    await owned.resetReadings();
    const tables = (await owned.readings()).map(({ table }) => table);
    expect(tables).toEqual([...filledTables.map(({ table }) => table), 'audit_log.entries'].sort());
  });

  it('reports the amount of write-ahead log', async () => {
    const before = await owned.walBytes();
    await owned.fill(0, () => undefined);
    expect(await owned.walBytes()).toBeGreaterThan(before);
  });
});
