import { verifyBundle } from '@countersign/evidence';
import { digestOf, type MandateId } from '@countersign/kernel';
import { readBundleFolder, shippedPolicies } from '@countersign/policy-engine';
import { startTestServer, type TestServer } from '@countersign/testkit';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { codeOf } from './testing/refusal.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { algorithmic, claimsOf, openTrading, type Trading } from './testing/trading.ts';

// Orders of every kind, then a search for their content in everything stored in the open: a reader of the log learns that
// there was an order, who placed it and its outcome, but not its terms.

const folder = scratchFolder();
let database: TestServer;
let controlPlane: RunningControlPlane;
let trading: Trading;
let mandate: MandateId;
let settled: string;

/** Amounts that occur nowhere else. */
const price = '101.3719';
const strategy = ['101.3719', '1733', '175677.51', '41733', '4230553.51', 'C-restricted-values'];
const told = {
  max_qty: '1733',
  limit_price: { amount: price, ccy: 'EUR' },
  max_notional: { amount: '175677.51', ccy: 'EUR' },
  client_order_id: 'C-restricted-values',
};
/** A digest that would reveal price and quantity: both have few possible values. */
const fill = digestOf({ executed_qty: told.max_qty, price: told.limit_price });
const tooLarge = { ...told, max_qty: '41733', max_notional: { amount: '4230553.51', ccy: 'EUR' } };

async function begin(change: Readonly<Record<string, unknown>>) {
  const order = trading.order(mandate, change);
  const token = await (order.algo === undefined ? trading.traderToken(order) : trading.agentToken(order));
  return { order, transaction: String(claimsOf(token)['txn']) };
}

beforeAll(async () => {
  database = await startTestServer();
  controlPlane = await runControlPlane(await configurationIn(folder.path, { database: database.connection }));
  trading = await openTrading(controlPlane);
  ({ mandate } = await trading.grantMandates());

  const { order, transaction } = await begin(told);
  settled = transaction;
  await trading.evaluate(transaction);
  await trading.carry(order, transaction, 'settled');
  await trading.transition('brk-orders', 'submit', transaction, 'again').catch(() => undefined);
  const agents = await begin({ ...told, ...algorithmic });
  await trading.evaluate(agents.transaction, 'agent:ha-vwap-1');
  // Refused for their size: by the policies, by the limits of the mandate, for a missing approval.
  const large = await begin(tooLarge);
  expect((await trading.evaluate(large.transaction)).decision).toBe(false);
  expect(await codeOf(() => trading.carry(large.order, large.transaction, 'submitted'))).toContain('approval');
  const beyond = { ...tooLarge, max_notional: { amount: '9999999.77', ccy: 'EUR' } };
  expect(await codeOf(() => begin(beyond))).toContain('access_denied');
}, 120_000);
afterAll(async () => {
  await trading?.stop();
  await controlPlane?.stop();
  await database?.stop();
  folder.remove();
});

async function rows(sql: string): Promise<readonly string[]> {
  const { user, password, host, port, database: name } = database.connection;
  const client = new pg.Client({ user, password, host, port, database: name });
  await client.connect();
  // For several statements, the rows of the last one.
  const found = [await client.query<{ text: string }>(sql)].flat().at(-1);
  await client.end();
  return found?.rows.map(({ text }) => text) ?? [];
}

/** Numbers match as a whole, not as part of a longer one. */
function holds(text: string, secret: string): boolean {
  return new RegExp(`(?<![0-9A-Za-z])${secret.replaceAll('.', '\\.')}(?![0-9A-Za-z])`).test(text);
}

/** A simulation over all decisions; only a test in the bundle changes. */
async function simulated(): Promise<Readonly<Record<string, unknown>>> {
  const shipped = await readBundleFolder(shippedPolicies);
  const call = (path: string, body?: unknown) =>
    controlPlane.operator.call('policies', 'policy:read', {
      method: body === undefined ? 'GET' : 'POST',
      path: `/policies/simulations${path}`,
      ...(body === undefined ? {} : { body }),
    }) as Promise<{ readonly id: string; readonly status: string }>;
  const { id } = await call('', { bundle: shipped });
  return vi.waitFor(
    async () => {
      const report = await call(`/${id}`);
      expect(report.status).toBe('done');
      return report;
    },
    { timeout: 60_000, interval: 100 },
  );
}

describe('what an institution intends to trade', () => {
  it('is in no leaf of the log, and neither is anybody’s location', async () => {
    const leaves = await rows(`select convert_from(body, 'UTF8') as text from audit_log.bodies`);
    expect(leaves.length).toBeGreaterThan(30);
    const types = new Set(leaves.map((leaf) => String((JSON.parse(leaf) as { type: unknown }).type)));
    for (const type of ['transaction.opened', 'transaction.transitioned', 'transaction.refused', 'decision.made'])
      expect([...types]).toContain(type);
    for (const leaf of leaves) {
      const found = [...strategy, fill, '9999999.77', '"127.0.0.1"'].filter((secret) => holds(leaf, secret));
      expect([(JSON.parse(leaf) as { type: unknown }).type, found]).toEqual([expect.any(String), []]);
    }
  });

  it('is in none of the other tables of the log', async () => {
    const tables = await rows(
      `select format('%I.%I', table_schema, table_name) as text from information_schema.tables
        where table_type = 'BASE TABLE' and table_schema = 'audit_log'`,
    );
    expect(tables).toContain('audit_log.protected_values');
    for (const table of tables)
      for (const row of await rows(`select t::text as text from ${table} as t`))
        expect([table, strategy.filter((secret) => holds(row, secret))]).toEqual([table, []]);
  });

  it('is available to an authorised reader who states a purpose, and is recorded', async () => {
    const records = await controlPlane.operator.records({ transaction: settled });
    const text = JSON.stringify(records);
    for (const secret of [price, '1733', '175677.51', 'C-restricted-values', fill]) expect(text).toContain(secret);
    const readings = await controlPlane.operator.records({ type: 'evidence.read' });
    expect(readings.map(({ data }) => data)).toContainEqual(
      expect.objectContaining({
        purpose: 'Comparing what was recorded',
        query: expect.objectContaining({ transaction: settled }),
      }),
    );
  });

  it('is in the evidence of the transaction, which verifies with it', async () => {
    const bundle = await controlPlane.operator.call('evidence', 'audit:export', {
      method: 'GET',
      path: `/evidence/transactions/${settled}`,
    });
    const logVerifierKey = (await (await fetch(`${controlPlane.issuer}/log/verifier-key`)).text()).trim();
    const verification = verifyBundle(bundle, { trust: { logVerifierKey } });
    expect(verification.steps.filter(({ ok }) => !ok)).toEqual([]);
    expect(JSON.stringify(bundle)).toContain(price);
    const withheld = await controlPlane.operator.call('evidence', 'audit:export', {
      method: 'GET',
      path: `/evidence/transactions/${settled}?disclose=nothing`,
    });
    expect(JSON.stringify(withheld)).not.toContain(price);
  });

  it('is evaluated again, completely, by a simulation', async () => {
    const decided = async (): Promise<number> =>
      (await rows(`select record_id as text from audit_log.protected_values where path = '/data/decision/input'`))
        .length;
    const before = await decided();
    expect(before).toBeGreaterThan(10);
    const { decisions, skipped, permitToDeny, denyToPermit } = await simulated();
    expect({ skipped, permitToDeny, denyToPermit }).toEqual({ skipped: {}, permitToDeny: 0, denyToPermit: 0 });
    // The tokens that the simulation needs are decisions as well.
    expect(decisions).toBeGreaterThanOrEqual(before);
    expect(decisions).toBeLessThanOrEqual(await decided());
  });

  it('is missing in a simulation and in a replay once it is erased, which both report', async () => {
    const [record] = await rows(
      `select record_id as text from audit_log.protected_values where path = '/data/decision/input' limit 1`,
    );
    await rows(`set countersign.authority = 'test';
      with doomed as (delete from audit_log.protected_values where key = (
        select key from audit_log.protected_values where record_id = '${record}' and path = '/data/decision/input')
        returning key)
      update audit_log.subject_keys set sealed_key = null, erased_at = now() where id in (select key from doomed)`);
    const { decisions, skipped } = await simulated();
    expect(decisions).toBeGreaterThan(0);
    expect(skipped).toEqual({ input_missing: expect.any(Number) });
    const replayed = await controlPlane.operator.call('policies', 'policy:read', {
      method: 'POST',
      path: '/policies/replay',
      body: { record },
    });
    expect(replayed).toMatchObject({ outcome: 'missing', missing: [expect.stringMatching(/^input: .* erased/)] });
  });
});
