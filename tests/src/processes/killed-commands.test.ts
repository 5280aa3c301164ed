import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { verifyBundle } from '@countersign/evidence';
import type { MandateId } from '@countersign/kernel';
import { digestOfIntent } from '@countersign/market';
import { startTestServer, type TestServer } from '@countersign/testkit';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { endAll, type ServerProcess, startServer } from '../testing/command.ts';
import { configurationIn, type LogRecord, type Operator, operatorOf } from '../testing/control-plane.ts';
import { scratchFolder } from '../testing/scratch-folder.ts';
import { claimsOf, large, mandateTerms, openTrading, type Trading } from '../testing/trading.ts';

/**
 * A control plane that is killed repeatedly while firms propose and change mandates, trade, approve and settle. Callers
 * without an answer retry under the same key. In the end there must be one record of each command, and the bundle of every
 * transaction must verify.
 */

const folder = scratchFolder();
const configurationFile = join(folder.path, 'countersign.json');
let database: TestServer;
let issuer: string;
let server: ServerProcess;
let trading: Trading;
let operator: Operator;

const start = () => startServer(['--config', configurationFile]);

beforeAll(async () => {
  database = await startTestServer();
  ({ issuer } = await configurationIn(folder.path, { database: database.connection }));
  server = await start();
  operator = operatorOf(folder.path, issuer);
  trading = await openTrading({ issuer, operator });
});
afterAll(async () => {
  await trading?.stop();
  await endAll();
  await database?.stop();
  folder.remove();
});

/** How often the process is killed, and how many desks trade meanwhile. */
const kills = 6;
const desks = 6;
const small = { max_qty: '20', max_notional: { amount: '2025', ccy: 'EUR' } };

describe('a control plane that is killed repeatedly', () => {
  it('has one record of each command, however often repeated, and every bundle verifies', {
    timeout: 600_000,
  }, async () => {
    let over = false;
    let answered = 0;
    let unanswered = 0;
    /** Retries until there is an answer. A refusal is an error: a desk requests only what it may. */
    async function untilAnswered<Answer>(ask: () => Promise<Answer>): Promise<Answer> {
      for (;;) {
        try {
          const answer = await ask();
          answered += 1;
          return answer;
        } catch (error) {
          const { code, category } = error as { readonly code?: string; readonly category?: string };
          if (code !== 'control_plane_unreachable' && category !== 'unavailable' && code !== 'temporarily_unavailable')
            throw error;
          unanswered += 1;
          await delay(50);
        }
      }
    }

    const settled: string[] = [];
    const mandates: MandateId[] = [];
    async function trade(desk: number): Promise<void> {
      for (let count = 0; !over; count++) {
        const key = `desk-${desk}-${count}`;
        const mandate = await untilAnswered(() => trading.propose('am-mandates', mandateTerms(), `${key}-mandate`));
        mandates.push(mandate);
        await untilAnswered(() => trading.accept('ha-mandates', mandate));
        const cut = await untilAnswered(() => trading.propose('ha-mandates', mandateTerms({}, mandate), `${key}-cut`));
        mandates.push(cut);
        await untilAnswered(() => trading.accept('clr-mandates', cut));
        // The first order of some desks needs a supervisor; all are within a trader's hourly limit.
        const isLarge = count === 0 && desk < 3;
        const order = trading.order(mandate, isLarge ? large : small);
        const token = await untilAnswered(() => trading.traderToken(order));
        const transaction = String(claimsOf(token)['txn']);
        if (isLarge)
          await untilAnswered(() =>
            trading.approve({ transaction, digest: digestOfIntent(order), by: 'supervisor' }),
          ).catch(unlessGiven);
        const steps = [
          ['brk-orders', 'submit', {}],
          ['ven-matching', 'execute', { executed_qty: order.max_qty, price: order.limit_price }],
          ['clr-core', 'clear', { cleared_qty: order.max_qty }],
          ['cus-core', 'settle', { settled_qty: order.max_qty }],
        ] as const;
        for (const [client, event, body] of steps)
          await untilAnswered(() => trading.transition(client, event, transaction, `${event}-${key}`, body));
        settled.push(transaction);
        await untilAnswered(() => trading.revoke(mandate));
      }
    }

    const working = Promise.all(Array.from({ length: desks }, (_, desk) => trade(desk)));
    // A desk's error is thrown below, after the last kill.
    working.catch(() => undefined);
    // After this many more answers, however fast they come: each life of the process ends during some command.
    const lives = fc.sample(fc.integer({ min: 5, max: 60 }), kills);
    try {
      for (const life of lives) {
        const end = answered + life;
        await vi.waitFor(() => expect(answered).toBeGreaterThanOrEqual(end), { timeout: 120_000, interval: 5 });
        expect(await server.end('SIGKILL')).toBe('SIGKILL');
        server = await start();
      }
    } finally {
      over = true;
    }
    await working;
    // Something must have been interrupted, or the test proves nothing.
    expect(unanswered).toBeGreaterThanOrEqual(kills);
    expect(settled.length).toBeGreaterThanOrEqual(desks);

    const records = await operator.records();
    const steps = records.filter(({ type }) => type === 'transaction.transitioned');
    expectOnce(steps, (record) => [record.transaction, data(record)['version']]);
    expectOnce(of(records, 'transaction.opened'), (record) => [record.client, data(record)['idempotency_key']]);
    expectOnce(of(records, 'approval.given'), (record) => [record.transaction, record.subject?.id]);
    for (const type of ['mandate.proposed', 'mandate.accepted', 'mandate.revoked'] as const)
      expectOnce(of(records, type), (record) => [record.mandate?.id, record.mandate?.version]);
    expect(of(records, 'mandate.proposed')).toHaveLength(mandates.length);

    for (const transaction of settled) {
      const bundle = await operator.call('evidence', 'audit:export', {
        method: 'GET',
        path: `/evidence/transactions/${transaction}`,
      });
      const failed = verifyBundle(bundle).steps.filter(({ ok }) => !ok);
      expect(failed, transaction).toEqual([]);
    }
    process.stdout.write(
      `${kills} kills: ${settled.length} orders settled, ${unanswered} requests asked again, ${records.length} records\n`,
    );
  });
});

const of = (records: readonly LogRecord[], type: LogRecord['type']) => records.filter((record) => record.type === type);
const data = (record: LogRecord) => (record.data ?? {}) as Readonly<Record<string, unknown>>;

/** No two of the records are of the same command. */
function expectOnce(records: readonly LogRecord[], commandOf: (record: LogRecord) => readonly unknown[]): void {
  expect(records.length).toBeGreaterThan(0);
  const commands = records.map((record) => JSON.stringify(commandOf(record)));
  expect(commands.filter((command, place) => commands.indexOf(command) !== place)).toEqual([]);
}

/** Each retry signs anew: a refusal of a second approval by the same person shows that the first was recorded. */
function unlessGiven(error: unknown): void {
  if ((error as { readonly code?: string }).code !== 'approval_repeated') throw error;
}
