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

describe('the database of a control plane that has grown', () => {
  it('has got as many rows as were asked for in every table, under all constraints, and tells how far it is', async () => {
    const said: string[] = [];
    await owned.fill(130, (message) => said.push(message));
    expect(await owned.rowCounts()).toEqual(filledTables.map(({ table }) => ({ table, rows: 130 })));
    expect(said).toEqual(filledTables.map(({ table }) => `${table}: 130 of 130 rows`));
  });

  it('tells what was read of each table, and of the log, which is not filled', async () => {
    await owned.resetReadings();
    const tables = (await owned.readings()).map(({ table }) => table);
    expect(tables).toEqual([...filledTables.map(({ table }) => table), 'audit_log.entries'].sort());
  });

  it('tells how much write-ahead log there is', async () => {
    const before = await owned.walBytes();
    await owned.fill(0, () => undefined);
    expect(await owned.walBytes()).toBeGreaterThan(before);
  });
});
