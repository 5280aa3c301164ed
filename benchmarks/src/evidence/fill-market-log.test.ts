import { auditLogMigrations } from '@countersign/audit-log';
import { buildGraph } from '@countersign/evidence';
import { verifyInclusion } from '@countersign/merkle-log';
import { createLogger, createScratchDatabase, type ScratchDatabase } from '@countersign/runtime';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ownerPool } from '../growth/owner-pool.ts';
import { memorySigner } from '../signers.ts';
import { draft } from '../suites/appends.ts';
import { fillMarketLog } from './fill-market-log.ts';
import { filledLogStore } from './filled-log-store.ts';
import { marketOf, orderAt, ordersIn } from './filled-market.ts';
import { openProductLog } from './product-log.ts';
import { termsBehind } from './terms-behind.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const signer = memorySigner('log-checkpoint');
const market = marketOf(2_600);
const hourMs = 3_600_000;

let scratch: ScratchDatabase;
let owner: pg.Pool;
const open = (options: Partial<Parameters<typeof openProductLog>[0]> = {}) =>
  openProductLog({ pool: scratch.pool('audit-log'), logger, signer, ...options });

beforeAll(async () => {
  scratch = await createScratchDatabase({ components: [auditLogMigrations] });
  owner = ownerPool(scratch.connection, 2);
  const until = Date.now();
  const from = until - hourMs;
  const log = await open({ clock: { now: () => from }, watchEveryMs: 0 });
  await log.stop();
  const first = await filledLogStore(owner).size();
  await fillMarketLog(owner, { market, first, from: from + 1, until }, () => undefined);
}, 120_000);
afterAll(async () => {
  await owner?.end();
  await scratch?.drop();
});

describe('a filled log', () => {
  it('verifies completely, is continued, and verifies again', async () => {
    const log = await open();
    expect(await log.verify()).toMatchObject({ ok: true });
    await log.append(draft());
    expect(await log.verify()).toMatchObject({ ok: true });
    await log.stop();
  }, 120_000);

  it('has no stream that its monitor would report', async () => {
    const log = await open({ watchEveryMs: 0 });
    await log.watchStreams();
    expect(await log.search({ type: 'source.alarm' })).toEqual([]);
    await log.stop();
  });

  it('returns the whole chain of authority for its first and its last order', async () => {
    const log = await open();
    for (const number of [0, ordersIn(market) - 1]) {
      const { transaction, chain, records } = orderAt(market, number);
      const collected = await log.collect(transaction);
      expect(collected).toHaveLength(chain);
      expect(collected.filter(({ record }) => record.transaction === transaction)).toHaveLength(records);
      const kinds = new Set(buildGraph(transaction, collected).nodes.map(({ kind }) => kind));
      for (const kind of ['person', 'mandate', 'policy', 'decision', 'approval', 'token', 'settlement'] as const)
        expect(kinds).toContain(kind);
    }
    await log.stop();
  });

  it('is searchable by person and by mandate once its terms are indexed', async () => {
    const log = await open();
    const terms = termsBehind({ auditLog: log, connection: scratch.connection });
    await terms.settle();
    expect(await filledLogStore(owner).indexed()).toBe(await filledLogStore(owner).size());
    const { person, mandate, transaction } = orderAt(market, 7);
    for (const query of [{ person }, { mandate }, { person, mandate }])
      expect((await log.query(query)).map(({ record }) => record.transaction)).toContain(transaction);
    await terms.stop();
    await log.stop();
  });

  it('proves a record in the middle of it under the newest checkpoint', async () => {
    const log = await open();
    const bundle = await log.exportBundle({
      transaction: orderAt(market, 100).transaction,
      requester: { id: 'service:benchmark' },
    });
    const [size = '', root = ''] = bundle.checkpoint.split('\n').slice(1);
    const [record] = bundle.records.slice(5);
    if (record?.leaf === undefined) throw new Error('the bundle has no record');
    const leafHash = await filledLogStore(owner).leafHashes(BigInt(record.index), 1);
    const proof = record.proof.map((hash) => Buffer.from(hash, 'base64url'));
    const claim = { index: BigInt(record.index), size: BigInt(size), leafHash, proof };
    expect(verifyInclusion({ ...claim, root: Buffer.from(root, 'base64') })).toEqual({ ok: true });
    expect(verifyInclusion({ ...claim, root: leafHash }).ok).toBe(false);
    await log.stop();
  });
});
