import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createScratchTemplate, migrate, type ScratchDatabase, type ScratchTemplate } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'scratch-'));
const notes = { name: 'notes', schema: 'notes', role: 'notes', migrationsFolder: folder, grants: 'full' as const };
const copies: ScratchDatabase[] = [];
let template: ScratchTemplate;

async function copy(): Promise<ScratchDatabase> {
  const made = await template.copy();
  copies.push(made);
  return made;
}

beforeAll(async () => {
  writeFileSync(
    join(folder, '0001_notes.sql'),
    `create table notes (text text); insert into notes values ('migrated')`,
  );
  template = await createScratchTemplate({ components: [notes] });
});
afterAll(async () => {
  for (const each of copies) await each.drop();
  rmSync(folder, { recursive: true });
});

describe('a copy of a migrated database', () => {
  it('has what the migrations made, and nothing from other copies', async () => {
    const [one, other] = await Promise.all([copy(), copy()]);
    await one.pool('notes').query(`insert into notes values ('mine')`);
    expect((await other.pool('notes').query('select text from notes')).rows).toEqual([{ text: 'migrated' }]);
  });

  it('gives roles no more privileges than separate migrations', async () => {
    const pool = (await copy()).pool('notes');
    await expect(pool.query('create temporary table mine (n int)')).rejects.toMatchObject({ code: '42501' });
    await expect(pool.query('create table public.mine (n int)')).rejects.toMatchObject({ code: '42501' });
    await expect(pool.query('select from countersign_meta.migrations')).rejects.toMatchObject({ code: '42501' });
  });

  it('is known as migrated, and can be migrated further separately', async () => {
    const { database, components, pool } = await copy();
    expect(await migrate({ database, components })).toEqual([]);
    writeFileSync(join(folder, '0002_more.sql'), 'create table more (n int)');
    expect(await migrate({ database, components })).toEqual([{ component: 'notes', fileName: '0002_more.sql' }]);
    expect((await pool('notes').query('select from more')).rowCount).toBe(0);
    await expect((await copy()).pool('notes').query('select from more')).rejects.toMatchObject({ code: '42P01' });
  });

  it('is gone when dropped, and another can be made', async () => {
    const gone = await copy();
    await gone.drop();
    await expect(migrate({ database: gone.database, components: [] })).rejects.toMatchObject({ code: '3D000' });
    expect((await (await copy()).pool('notes').query('select from notes')).rowCount).toBe(1);
  });
});
