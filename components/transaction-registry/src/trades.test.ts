import { newId, type TransactionId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  actor,
  broker,
  clearer,
  custodian,
  fundSignatory,
  personOf,
  stranger,
  venue,
} from '../../consent-store/src/testing/firms.ts';
import {
  createLivesWorld,
  firstOperator,
  type Kind,
  type LivesWorld,
  releaser,
  trader,
} from './testing/lives-world.ts';

// An intent that follows a trade needs a known trade, executed between the same parties, with enough quantity left.

let world: LivesWorld;
beforeAll(async () => {
  world = await createLivesWorld();
});
afterAll(() => world.close());

const coded = (code: string, facts?: unknown) =>
  expect.objectContaining({ code, ...(facts === undefined ? {} : { facts: expect.objectContaining(facts) }) });

const firstSteps = {
  settlement_instruction: 'instruct',
  allocation: 'propose',
  clearing_submission: 'submit',
} as const satisfies Partial<Record<Kind, string>>;
type Following = keyof typeof firstSteps;
const following = Object.keys(firstSteps) as Following[];

/** An intent that names this trade. */
const begin = (
  kind: Following,
  trade: TransactionId,
  changes: Readonly<Record<string, unknown>> = {},
  initiator = actor(trader),
) => {
  const named = kind === 'allocation' ? { trade_ids: [trade] } : { trade_id: trade };
  return world.begin(kind, { ...named, ...changes }, undefined, initiator);
};

/** Adds its receiver to the address book. */
const known = { receiver: { lei: custodian, account: 'CASH-9' } };
beforeAll(async () => {
  await world.begin('settlement_instruction', known);
});

const lines = (qty: string) => ({ lines: [{ account: 'FUND-A', qty }] });

describe.each(following)('a %s', (kind) => {
  it('is refused for a trade that is unknown, not executed, or not a trade', async () => {
    const unknown = newId('transaction', world);
    await expect(begin(kind, unknown)).rejects.toThrow(coded('trade_unknown'));
    expect(world.audit.records.some(({ data }) => JSON.stringify(data ?? {}).includes(unknown))).toBe(false);
    const address = (await world.activeAddress()) as TransactionId;
    await expect(begin(kind, address)).rejects.toThrow(coded('trade_unknown'));
    const { transaction: submitted } = await world.reach('submit');
    await expect(begin(kind, submitted.id)).rejects.toThrow(coded('trade_not_executed', { state: 'submitted' }));
  });

  it('is refused by or for a firm that is not a party to the trade, without further details', async () => {
    const trade = await world.executedOrder();
    await expect(begin(kind, trade, { entity_lei: stranger })).rejects.toThrow(coded('trade_unknown'));
    const outsider = actor(personOf(stranger, 'olli', 'trader'));
    await expect(begin(kind, trade, {}, outsider)).rejects.toThrow(coded('trade_unknown'));
  });

  it('is reported to the policies with a known trade until that changes', async () => {
    const trade = await world.executedOrder();
    const { id } = await begin(kind, trade);
    expect(await world.registry.facts(id)).toMatchObject({ tradeKnown: true });
    await world.step((await begin(kind, trade)).id, firstSteps[kind]);
    expect(await world.registry.facts(id)).toMatchObject({ tradeKnown: false });
  });

  it('uses up its part of the trade, so that the whole is used once; cancelled parts are free again', async () => {
    const trade = await world.executedOrder();
    const [first, second] = [await begin(kind, trade), await begin(kind, trade)];
    await world.step(first.id, firstSteps[kind]);
    await expect(world.step(second.id, firstSteps[kind])).rejects.toThrow(coded('trade_exceeded', { left: '0' }));
    expect(world.recordsOf(second.id).at(-1)).toMatchObject({ type: 'transaction.refused', reason: 'trade_exceeded' });
    await expect(begin(kind, trade)).rejects.toThrow(coded('trade_exceeded'));
    await world.step(first.id, 'cancel');
    await expect(world.step(second.id, firstSteps[kind])).resolves.toMatchObject({ event: firstSteps[kind] });
  });

  it('refers to the record of the execution', async () => {
    const trade = await world.executedOrder();
    const execution = (await world.registry.history(trade)).find(({ event }) => event === 'execute')?.recordId;
    const { id } = await begin(kind, trade);
    await world.step(id, firstSteps[kind]);
    for (const type of ['transaction.opened', 'transaction.transitioned'])
      expect(world.recordsOf(id).find((record) => record.type === type)?.references).toContain(execution);
  });

  it('is refused while an exception of the trade is open, and after the trade was abandoned', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    const { id } = await begin(kind, transaction.id);
    await world.consentStore.suspend(root.id, actor(fundSignatory), 'Review');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
    await expect(world.step(id, firstSteps[kind])).rejects.toThrow(coded('trade_not_executed', { state: 'executed' }));
    const [exception] = await world.registry.exceptions({ transaction: transaction.id, status: 'open' });
    if (exception === undefined) throw new Error('no exception was raised');
    await world.registry.resolveException(
      exception.id,
      { kind: 'abandoned', reason: 'Given up' },
      actor(firstOperator),
    );
    await expect(world.step(id, firstSteps[kind])).rejects.toThrow(coded('trade_not_executed', { state: 'failed' }));
  });
});

describe('an intent that contradicts its trade', () => {
  it.each<readonly [string, Following, Readonly<Record<string, unknown>>, string]>([
    ['another currency', 'settlement_instruction', { ccy: 'USD' }, 'ccy'],
    ['another instrument', 'settlement_instruction', { ccy: undefined, dti: 'X9J9K872S', amount: '800' }, 'dti'],
    [
      'a receiver that is not a party',
      'settlement_instruction',
      { receiver: { lei: stranger, account: 'A' } },
      'receiver',
    ],
    [
      'a deliverer that is not a party',
      'settlement_instruction',
      { deliverer: { lei: stranger, account: 'A' } },
      'deliverer',
    ],
    [
      'the other direction',
      'settlement_instruction',
      { deliverer: { lei: custodian, account: 'CASH-9' }, receiver: { lei: broker, account: 'CASH-1' } },
      'receiver',
    ],
    [
      'two ends that are both another firm',
      'settlement_instruction',
      { deliverer: { lei: clearer, account: 'CASH-5' } },
      'entity_lei',
    ],
    ['another clearing firm', 'clearing_submission', { clearing_firm_lei: custodian }, 'clearing_firm_lei'],
    ['a firm to give up to that is not a party', 'allocation', { giveup_to_lei: stranger }, 'giveup_to_lei'],
  ])('with %s is refused', async (_, kind, changes, field) => {
    const trade = await world.executedOrder();
    await expect(begin(kind, trade, changes)).rejects.toThrow(coded('trade_differs', { field }));
  });

  it('with another central counterparty is refused', async () => {
    const parties = [
      { role: 'ExecutingBroker', lei: broker },
      { role: 'ExecutionFacility', lei: venue },
      { role: 'ClearingFirm', lei: clearer },
      { role: 'ClearingOrganization', lei: custodian },
    ];
    const trade = await world.executedOrder({ parties });
    await expect(begin('clearing_submission', trade, { ccp_lei: venue })).rejects.toThrow(
      coded('trade_differs', { field: 'ccp_lei' }),
    );
  });

  it('with trades of two instruments is refused', async () => {
    const [one, other] = [
      await world.executedOrder(),
      await world.executedOrder({ instrument: { isin: 'US0378331005', cfi: 'ESVUFR' } }),
    ];
    await expect(world.begin('allocation', { trade_ids: [one, other] })).rejects.toThrow(
      coded('trade_differs', { field: 'trade_ids' }),
    );
  });
});

describe('the amount of a settlement', () => {
  it.each(['95600.01', '4900000'])('is not above what was executed (%s)', async (amount) => {
    const trade = await world.executedOrder();
    await expect(begin('settlement_instruction', trade, { amount })).rejects.toThrow(
      coded('trade_exceeded', { left: '95600', unit: 'EUR' }),
    );
  });

  it('is within what other settlements of the trade have left', async () => {
    const trade = await world.executedOrder();
    const part = async (amount: string) => {
      const { id } = await begin('settlement_instruction', trade, { amount });
      return world.step(id, 'instruct');
    };
    await part('60000');
    await expect(part('35600.01')).rejects.toThrow(coded('trade_exceeded', { left: '35600' }));
    await part('35600');
    await expect(part('0.01')).rejects.toThrow(coded('trade_exceeded', { left: '0' }));
  });

  it('is what was sold, in the other direction', async () => {
    // A sale is executed at its limit or above.
    const body = { executed_qty: '800', price: { amount: '120', ccy: 'EUR' } };
    const trade = await world.executedOrder({ side: 'SELL' }, body);
    const ends = { deliverer: { lei: custodian, account: 'CASH-9' }, receiver: { lei: broker, account: 'CASH-1' } };
    await expect(begin('settlement_instruction', trade, { amount: '96000', ...ends })).resolves.toMatchObject({
      state: 'intended',
    });
    await expect(begin('settlement_instruction', trade, { amount: '96000' })).rejects.toThrow(
      coded('trade_differs', { field: 'deliverer' }),
    );
  });

  async function released(trade: TransactionId): Promise<TransactionId> {
    const { id } = await begin('settlement_instruction', trade);
    await world.step(id, 'instruct');
    await world.step(id, 'affirm', { institution: custodian });
    await world.step(id, 'release');
    return id;
  }

  it.each<readonly [string, Lei, boolean]>([
    ['is free again when the other end reports that it failed', custodian, true],
    ['stays taken when the firm itself says that it failed', broker, false],
  ])('%s', async (_, institution, free) => {
    const trade = await world.executedOrder();
    await world.step(await released(trade), 'fail', { institution });
    const again = begin('settlement_instruction', trade);
    if (free) await expect(again).resolves.toMatchObject({ state: 'intended' });
    else await expect(again).rejects.toThrow(coded('trade_exceeded'));
  });

  it('is not settled a second time by reporting the trade as settled', async () => {
    const { transaction } = await world.reach('submit', 'execute', 'clear');
    const id = await released(transaction.id);
    await expect(world.report(transaction.id, 'settle')).rejects.toThrow(coded('trade_being_settled'));
    await world.step(id, 'settle', { institution: custodian });
    await expect(world.report(transaction.id, 'settle')).resolves.toMatchObject({ state: 'settled' });
  });

  it('is zero when the trade was reported as settled before', async () => {
    const { transaction } = await world.reach('submit', 'execute', 'clear');
    const { id } = await begin('settlement_instruction', transaction.id);
    await world.report(transaction.id, 'settle');
    await expect(world.step(id, 'instruct')).rejects.toThrow(coded('trade_not_executed', { state: 'settled' }));
  });

  it('is checked again at release', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    const { id } = await begin('settlement_instruction', transaction.id);
    await world.step(id, 'instruct');
    await world.step(id, 'affirm', { institution: custodian });
    await world.consentStore.suspend(root.id, actor(fundSignatory), 'Review');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
    await expect(world.step(id, 'release')).rejects.toThrow(coded('trade_not_executed'));
  });
});

describe('a dealt request for quotes', () => {
  it('is a trade with the firm whose quote was dealt, and with no other asked firm', async () => {
    const { id } = await world.begin('rfq');
    const quote = { quote_id: 'Q-7', price: { amount: '119.5', ccy: 'EUR' }, valid_until: '2026-06-15T11:00:00Z' };
    await world.step(id, 'request');
    for (const institution of [clearer, custodian]) await world.step(id, 'quote', { institution }, quote);
    await expect(begin('settlement_instruction', id)).rejects.toThrow(coded('trade_not_executed'));
    await world.step(id, 'accept', {}, { quote_id: 'Q-7', counterparty_lei: custodian });
    const asked = { receiver: { lei: clearer, account: 'CASH-5' }, amount: '119500' };
    await expect(begin('settlement_instruction', id, asked)).rejects.toThrow(
      coded('trade_differs', { field: 'receiver' }),
    );
    const dealt = await begin('settlement_instruction', id, { amount: '119500' });
    await expect(world.step(dealt.id, 'instruct')).resolves.toMatchObject({ state: 'instructed' });
    await expect(begin('settlement_instruction', id, { amount: '0.01' })).rejects.toThrow(coded('trade_exceeded'));
  });
});

describe('parallel allocations', () => {
  it('never exceed the executed quantity, on two nodes', async () => {
    const trade = await world.executedOrder();
    const nodes = [world.registry, world.registryWith()] as const;
    const begun = [];
    for (let index = 0; index < 24; index++) begun.push(await begin('allocation', trade, lines('75')));
    const attempts = await Promise.allSettled(
      begun.map(({ id }, index) => world.step(id, 'propose', { on: nodes[index % 2] ?? world.registry })),
    );
    // 800 were executed: ten times 75 are 750, and an eleventh would be 825.
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason).toEqual(coded('trade_exceeded', { left: '50' }));
    const rest = await begin('allocation', trade, lines('50'));
    await expect(world.step(rest.id, 'propose')).resolves.toMatchObject({ state: 'proposed' });
  });

  it('of the same two trades in any order neither exceed both nor deadlock', async () => {
    const [one, other] = [await world.executedOrder(), await world.executedOrder()];
    const nodes = [world.registry, world.registryWith()] as const;
    const begun = [];
    for (let index = 0; index < 12; index++) {
      const trade_ids = index % 2 === 0 ? [one, other] : [other, one];
      begun.push(await world.begin('allocation', { trade_ids, ...lines('300') }));
    }
    const attempts = await Promise.allSettled(
      begun.map(({ id }, index) => world.step(id, 'propose', { on: nodes[index % 2] ?? world.registry })),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason).toEqual(coded('trade_exceeded', { left: '100' }));
  });

  it('that were rejected are free again, and abandoned ones stay used', async () => {
    const trade = await world.executedOrder();
    const { id } = await begin('allocation', trade);
    await world.step(id, 'propose', { person: trader });
    await world.step(id, 'reject', { person: releaser });
    const again = await begin('allocation', trade);
    await world.step(again.id, 'propose', { person: trader });
    await world.step(again.id, 'approve', { person: firstOperator });
    await world.step(again.id, 'give-up', { institution: clearer });
    await expect(begin('allocation', trade)).rejects.toThrow(coded('trade_exceeded'));
  });
});
