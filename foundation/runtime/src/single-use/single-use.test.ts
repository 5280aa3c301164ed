import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createFaultyProxy, createTestDatabase, fixedClock } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { componentPool, type ScratchDatabase } from '../database/index.ts';
import { createLogger } from '../observability/index.ts';
import { createSingleUse } from './single-use.ts';

const migrationsFolder = mkdtempSync(join(tmpdir(), 'single-use-'));
writeFileSync(
  join(migrationsFolder, '0001_claims.sql'),
  `create table single_use (key bytea primary key, expires_at timestamptz not null); create index on single_use (expires_at);
   create table forgotten_claims (claims text primary key, through timestamptz not null);
   create function forgotten_through(of_claims text) returns timestamptz language sql volatile set search_path from current as
     $$ select coalesce((select through from forgotten_claims where claims = of_claims), '-infinity'::timestamptz) $$;`,
);
const logger = createLogger({ level: 'silent', name: 'test' });

describe('single use', () => {
  let database: ScratchDatabase;
  // Behind the database by more than the tests move it, so that expired means expired on both clocks.
  const clock = fixedClock(Date.now() - 86_400_000);
  const node = () => createSingleUse({ pool: database.pool('claims'), clock, logger });
  const claim = (id: string, purpose = 'client-assertion', issuer = 'oms') => ({
    purpose,
    issuer,
    id,
    expiresAt: clock.now() + 60_000,
  });

  beforeAll(async () => {
    database = await createTestDatabase({
      components: [{ name: 'claims', schema: 'claims', role: 'claims', migrationsFolder, grants: 'full' }],
    });
  });
  afterAll(() => database.drop());

  it('gives the id to exactly one of two hundred claims on two nodes', async () => {
    const nodes = [node(), node()];
    const outcomes = await Promise.all(
      Array.from({ length: 200 }, (_, index) => nodes[index % 2]?.claim(claim('same'))),
    );
    expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
    await Promise.all(nodes.map((each) => each.stop()));
  });

  it('keeps purposes and issuers apart, even if their concatenations are equal', async () => {
    const only = node();
    expect(await only.claim(claim('jti', 'client-assertion', 'oms'))).toBe('claimed');
    expect(await only.claim(claim('jti', 'dpop-proof', 'oms'))).toBe('claimed');
    expect(await only.claim(claim('jti', 'client-assertion', 'oms2'))).toBe('claimed');
    expect(await only.claim(claim('2jti', 'client-assertion', 'oms'))).toBe('claimed');
    expect(await only.claim(claim('jti', 'client-assertion', 'oms'))).toBe('replayed');
    await only.stop();
  });

  it('removes only expired claims, in slices', async () => {
    const only = node();
    const pool = database.pool('claims');
    await pool.query(
      `insert into single_use select sha256(n::text::bytea), to_timestamp(0) from generate_series(1, 12000) n`,
    );
    await only.claim(claim('alive'));
    expect(await only.sweep()).toBe(12_000);
    expect(await only.claim(claim('alive'))).toBe('replayed');
    await only.stop();
  });

  it('keeps a claim for a while after its expiry, for a node whose clock is slow', async () => {
    const only = node();
    await only.claim(claim('ended'));
    clock.advance(60_000 + 30_000);
    expect(await only.sweep()).toBe(0);
    expect(await only.claim(claim('ended'))).toBe('replayed');
    clock.advance(60_000);
    expect(await only.sweep()).toBeGreaterThan(0);
    await only.stop();
  });

  it('removes no claim before it has also expired by the database’s clock', async () => {
    const ahead = fixedClock(Date.now() + 3_600_000);
    const only = createSingleUse({ pool: database.pool('claims'), clock: ahead, logger });
    const rightly = { ...claim('of now'), expiresAt: Date.now() + 300_000 };
    expect(await only.claim(rightly)).toBe('claimed');
    expect(await only.sweep()).toBe(0);
    expect(await only.claim(rightly)).toBe('replayed');
    await only.stop();
  });

  it('accepts no claim again that a node removed while its clock ran ahead', async () => {
    const only = node();
    const used = { ...claim('used before the step'), expiresAt: clock.now() + 300_000 };
    expect(await only.claim(used)).toBe('claimed');
    clock.advance(3_600_000);
    expect(await only.sweep()).toBeGreaterThan(0);
    clock.advance(-3_600_000);
    await expect(only.claim(used)).rejects.toMatchObject({ code: 'clock_stepped_back', category: 'unavailable' });
    // On no node, however often it is tried.
    await expect(node().claim(used)).resolves.toBe('replayed');
    // A claim that expires after every removed claim is accepted as usual.
    expect(await only.claim({ ...claim('new'), expiresAt: clock.now() + 301_000 })).toBe('claimed');
    // All claims are accepted once the real time has passed the expiry of the removed ones.
    clock.advance(301_000);
    expect(await only.claim(claim('later'))).toBe('claimed');
    await only.stop();
  });

  it('lets no waiting claim through while a sweep removes its predecessor', async () => {
    const only = node();
    const used = claim('removed meanwhile');
    expect(await only.claim(used)).toBe('claimed');
    const sweep = await database.pool('claims').connect();
    await sweep.query('begin');
    await sweep.query(
      `insert into forgotten_claims values ('single_use', to_timestamp($1::float8 / 1000.0))
       on conflict (claims) do update set through = excluded.through`,
      [used.expiresAt],
    );
    await sweep.query('delete from single_use');
    const again = only.claim(used).catch((error: unknown) => error);
    await expect
      .poll(async () => {
        const { rows } = await sweep.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and query like 'insert into single_use%'`,
        );
        return rows.length;
      })
      .toBe(1);
    await sweep.query('commit');
    sweep.release();
    expect(await again).toMatchObject({ code: 'clock_stepped_back' });
    clock.advance(61_000);
    await only.stop();
  });

  it('reports that the clock was set back between the check of a proof and its claim', async () => {
    const only = node();
    const checked = { ...claim('checked before the step'), expiresAt: clock.now() + 300_000 };
    clock.advance(-3_600_000);
    await expect(only.claim(checked)).rejects.toMatchObject({ code: 'clock_stepped_back', category: 'unavailable' });
    clock.advance(3_600_000);
    expect(await only.claim(checked)).toBe('claimed');
    await only.stop();
  });

  it('answers neither claimed nor replayed if the database cannot be written', async () => {
    const proxy = await createFaultyProxy({ target: database.connection });
    const own = database.components[0];
    if (own === undefined) throw new Error('no component');
    const pool = componentPool({
      database: { ...database.database, connection: { ...database.connection, host: '127.0.0.1', port: proxy.port } },
      role: own.role,
      schema: own.schema,
      applicationName: 'faulty',
    });
    const only = createSingleUse({ pool, clock, logger });
    expect(await only.claim(claim('before the fault'))).toBe('claimed');
    await proxy.refuse();
    await expect(only.claim(claim('during the fault'))).rejects.toMatchObject({
      code: 'database_unavailable',
      category: 'unavailable',
    });
    await proxy.restore();
    expect(await only.claim(claim('after the fault'))).toBe('claimed');
    await only.stop();
    await pool.end();
    await proxy.close();
  });
});
