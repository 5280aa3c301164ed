import pg from 'pg';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { broker, clearer, fund } from './testing/firms.ts';
import { byFund, givenChild, givenRoot, newKey, permittedUse } from './testing/given-mandates.ts';
import { tradeOrder } from './testing/trade-order.ts';

const others = 20_000;
let world: ConsentWorld;

beforeAll(async () => {
  world = await createConsentWorld();
});
afterAll(() => world.close());

/** Twenty thousand sub-mandates of the root, granted by many institutions. */
async function grantMany(root: string): Promise<void> {
  const pool = world.scratch.pool('consent-store', { maxConnections: 1 });
  const id = `'mnd_' || lpad(n::text, 26, '0')`;
  const many = `generate_series(1, ${others}) n`;
  await pool.query(
    `insert into mandate_versions (id, version, document, digest, record_id, recorded_at)
     select ${id}, 1, v.document, 'digest', 'rec_' || n, now()
       from ${many}, mandate_versions v where v.id = $1 and v.version = 2`,
    [root],
  );
  await pool.query(
    `insert into mandates (id, version, grantor_lei, grantee_lei, parent_id, status, kind, effective_until, look_at)
     select ${id}, 1, $1, 'HOLDER' || n, $2, 'active', 'mandate', '2030-01-01', '2029-01-01' from ${many}`,
    [fund, root],
  );
  await pool.query(
    `insert into mandate_parties (lei, mandate_id, status, kind, effective_until)
     select $1, ${id}, 'active', 'mandate', '2030-01-01' from ${many}`,
    [fund],
  );
  await pool.query(
    `insert into mandate_lines (ancestor_id, grantee_lei, mandate_id) select $1, 'HOLDER' || n, ${id} from ${many}`,
    [root],
  );
}

/** As the owner of the database: the component's own role may neither analyse it nor end connections. */
async function asOwner(statement: string): Promise<pg.QueryResult> {
  const owner = new pg.Client(world.scratch.connection);
  await owner.connect();
  try {
    return await owner.query(statement);
  } finally {
    await owner.end();
  }
}

/**
 * Disconnects everybody: PostgreSQL reports a connection's reads with a delay, at the latest when it ends, so none may fall
 * into the measurement. Key maintenance may reconnect meanwhile, so it is disconnected again.
 */
async function disconnectAll(): Promise<void> {
  const others = `from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`;
  await vi.waitFor(
    async () => {
      await asOwner(`select pg_terminate_backend(pid, 10_000) ${others}`);
      expect((await asOwner(`select ${others}`)).rows).toEqual([]);
    },
    { timeout: 60_000 },
  );
}

async function readRows(pool: pg.Pool): Promise<number> {
  await pool.query('select pg_stat_force_next_flush()');
  const { rows } = await pool.query<{ read: string }>(
    `select sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) as read
       from pg_stat_user_tables where relname like 'mandate%'`,
  );
  return Number(rows[0]?.read);
}

it('reads rows in proportion to the answer, not to what is stored', async () => {
  const root = await givenRoot(world.store);
  const child = await givenChild(world.store, root.id);
  await grantMany(root.id);
  await world.store.stop();
  await disconnectAll();
  const pool = world.scratch.pool('consent-store', { maxConnections: 1 });
  const node = await world.node({ pool });
  const before = await readRows(pool);
  const at = world.clock.now();
  for (const [mandate, actingFor] of [
    [root, broker],
    [child, clearer],
    [root, clearer],
  ] as const) {
    const question = { mandate: mandate.id, actingFor, use: permittedUse(at), at };
    expect(await node.check(question)).toMatchObject({ valid: true });
    await node.validate({ ...question, detail: tradeOrder(mandate.id) });
  }
  // Without statistics the planner's choice must not matter.
  expect((await readRows(pool)) - before).toBeLessThan(100);

  // As autovacuum does.
  await asOwner('analyze');
  const analysed = await readRows(pool);
  const soon = { endingBefore: Date.parse('2028-01-01T00:00:00Z') };
  expect(await node.list({ institution: fund, limit: 5 })).toHaveLength(5);
  expect(await node.list({ institution: fund, limit: 5, status: 'active' })).toHaveLength(5);
  for (const filter of [soon, { ...soon, status: 'active' }, { status: 'revoked' }, { kind: 'instruction' }] as const)
    expect((await node.list({ institution: fund, limit: 5, ...filter })).length).toBeLessThan(5);
  await givenChild(node, root.id);
  const { version, digest } = root;
  expect(await node.compareCopies(fund, [{ id: root.id, version, digest }], byFund)).toEqual([]);
  await node.suspend(root.id, byFund, 'Review');
  await node.resume(root.id, byFund, 'Done');
  await node.amend(root.id, { legalBasis: { type: 'law', reference: newKey() } }, byFund, newKey());
  expect(await node.sweep()).toEqual({ expired: 0, noticed: 0 });
  expect((await readRows(pool)) - analysed).toBeLessThan(500);
});
