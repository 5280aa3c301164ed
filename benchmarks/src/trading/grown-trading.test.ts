import { createLogger, createScratchDatabase, type ScratchDatabase } from '@countersign/runtime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { countMandates, fillMandates, idOfCopy, lineFromDatabase } from '../mandates/filled-mandates-store.ts';
import { giveLines, holderOf, lineLengths, lowestOf, mandatesAGroup } from '../mandates/lines.ts';
import { createParts } from '../starter.ts';
import { countTransactions } from './filled-transactions-store.ts';
import { grownTrading, type Trading } from './grown-trading.ts';
import { orderSteps, takeStep } from './orders.ts';

const { started, stop } = createParts();
let scratch: ScratchDatabase;
let trading: Trading;
beforeAll(async () => {
  scratch = await createScratchDatabase();
  const inProcess = { scratch, logger: createLogger({ level: 'error', name: 'test' }) };
  trading = await grownTrading(60, 10, { inProcess, started, onProgress: () => undefined });
}, 120_000);
afterAll(async () => {
  await stop();
  await scratch?.drop();
});

describe('a site with a trading history', () => {
  it('holds the requested number of transactions, under all constraints, and continues trading', async () => {
    expect(await countTransactions(trading.site.owner)).toBeGreaterThan(60);
    const [order] = await trading.orders.open(1);
    if (order === undefined) throw new Error('no order was opened');
    const states: string[] = [];
    for (const step of orderSteps) states.push((await takeStep(trading.site.registry, order, step)).state);
    expect(states).toEqual(['submitted', 'executed', 'cleared', 'settled']);
  });

  it('has its settled orders spread over a log of all transactions', async () => {
    expect(trading.settled).toHaveLength(10);
    const [first] = trading.settled;
    if (first === undefined) throw new Error('no order was settled');
    const found = await trading.site.auditLog.search({ transaction: first.id });
    expect(found.map(({ record }) => record.type)).toEqual([
      'transaction.opened',
      'token.issued',
      ...orderSteps.map(() => 'transaction.transitioned'),
    ]);
    const [newest] = await trading.site.auditLog.search({ type: 'transaction.opened', limit: 1, after: 200n });
    expect(newest).toBeDefined();
  });
});

describe('copies of mandates', () => {
  it('form chains as their models do', { timeout: 120_000 }, async () => {
    const models = (await giveLines(trading.site.consentStore)).map(({ id }) => id);
    const before = await countMandates(trading.site.owner);
    await fillMandates(trading.site.owner, models, 7, () => undefined);
    expect(await countMandates(trading.site.owner)).toBe(before + 7 * mandatesAGroup);
    for (const length of lineLengths) {
      const line = await lineFromDatabase(trading.site.consentPool, idOfCopy(6, lowestOf(length)));
      expect(line.map(({ grantee }) => grantee.lei)).toEqual(
        Array.from({ length }, (_, above) => holderOf(6, length - above)),
      );
      expect(line.at(-1)?.parent).toBeUndefined();
    }
  });
});
