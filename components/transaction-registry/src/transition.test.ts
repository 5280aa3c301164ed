import { type Instrument, obligationJson, type TransactionEvent } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  actor,
  broker,
  brokerSignatory,
  clearer,
  constraints,
  custodian,
  fund,
  fundSignatory,
  rootProposal,
  stranger,
  termsHash,
  venue,
} from '../../consent-store/src/testing/firms.ts';
import { tradeOrder } from '../../consent-store/src/testing/trade-order.ts';
import { supervisorWanted } from './testing/small-policy-engine.ts';
import { createTradingWorld, type Event, goodBody, type TradingWorld, trader } from './testing/trading-world.ts';

let world: TradingWorld;
beforeAll(async () => {
  world = await createTradingWorld();
});
afterAll(() => world.close());

const coded = (code: string, facts?: unknown) =>
  expect.objectContaining({ code, ...(facts === undefined ? {} : { facts: expect.objectContaining(facts) }) });
const stateOf = async (id: TransactionId) => (await world.registry.facts(id))?.state;
const recordsOf = (id: TransactionId, type: string) => world.recordsOf(id).filter((record) => record.type === type);

describe('opening a transaction', () => {
  it('records the intent and its mandate', async () => {
    const { root } = await world.mandates();
    const opened = await world.open(root);
    expect(opened.state).toBe('intended');
    expect(recordsOf(opened.id, 'transaction.opened')).toMatchObject([
      {
        id: opened.recordId,
        intent: opened.intentDigest,
        references: [root.recordId],
        subject: actor(trader),
        mandate: { id: root.id, version: 2 },
        data: { intent: { max_qty: '1000' }, intent_type: 'urn:countersign:rar:v1:trade_order' },
      },
    ]);
    expect(await world.registry.facts(opened.id)).toMatchObject({
      state: 'intended',
      version: 0,
      initiator: trader.id,
      initiatorInstitution: broker,
      approvals: [],
      completingScopes: ['order:cancel'],
    });
  });

  it('gives the same transaction to the same client, key and intent, however many ask at once', async () => {
    const { root } = await world.mandates();
    const idempotency_key = world.next('order');
    const opened = await Promise.all(Array.from({ length: 20 }, () => world.open(root, { idempotency_key })));
    expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
    expect(recordsOf(opened[0]?.id as TransactionId, 'transaction.opened')).toHaveLength(1);
  });

  it('distinguishes intents by content, not by where the token is used', async () => {
    const { root } = await world.mandates();
    const idempotency_key = world.next('order');
    const { id } = await world.open(root, { idempotency_key });
    expect(await world.open(root, { idempotency_key, locations: ['https://clearing.example/'] })).toMatchObject({ id });
    await expect(world.open(root, { idempotency_key, max_qty: '1001' })).rejects.toThrow(coded('idempotency_conflict'));
  });

  it('refuses one person’s key to another, though the client and the intent are the same', async () => {
    const { root } = await world.mandates();
    const detail = tradeOrder(root.id, { idempotency_key: world.next('order') });
    const mandate = { id: root.id, version: root.version, recordId: root.recordId };
    const request = { detail, mandate, client: 'broker-oms' };
    await world.registry.open({ ...request, initiator: actor(trader) });
    await expect(world.registry.open({ ...request, initiator: actor(brokerSignatory) })).rejects.toThrow(
      coded('idempotency_conflict'),
    );
  });

  it('refuses an intent whose deadline has passed', async () => {
    const { root } = await world.mandates();
    await expect(world.open(root, { not_after: '2026-06-15T10:00:00Z' })).rejects.toThrow(coded('intent_expired'));
  });

  it('leaves nothing behind when the log cannot be written', async () => {
    const { root } = await world.mandates();
    const idempotency_key = world.next('order');
    world.audit.breakDown('writing');
    await expect(world.open(root, { idempotency_key })).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    await expect(world.open(root, { idempotency_key, max_qty: '1' })).resolves.toMatchObject({ state: 'intended' });
  });
});

describe('a step of a transaction', () => {
  it('marks the scopes that only complete what was done', async () => {
    // Acknowledging and executing share a scope, and the first completes nothing.
    for (const [events, scopes] of [
      [['submit'], ['order:cancel']],
      [['submit', 'execute'], ['settlement:instruct']],
      [['submit', 'execute', 'clear'], ['settlement:release']],
    ] as const) {
      const { transaction } = await world.reach(...events);
      expect((await world.registry.facts(transaction.id))?.completingScopes).toEqual(scopes);
    }
  });

  it('goes from intent to settlement, each recorded with its basis', async () => {
    const { transaction, root, clearing } = await world.reach('submit', 'execute', 'clear', 'settle');
    expect(await stateOf(transaction.id)).toBe('settled');
    const steps = recordsOf(transaction.id, 'transaction.transitioned');
    expect(steps.map(({ data }) => data)).toMatchObject([
      {
        event: 'submit',
        from: 'intended',
        to: 'submitted',
        version: 1,
        decision: { decision: true, input: { principal: { type: 'Person', id: trader.id } } },
      },
      { event: 'execute', from: 'submitted', to: 'executed', version: 2, body: goodBody.execute },
      {
        event: 'clear',
        from: 'executed',
        to: 'cleared',
        version: 3,
        decision: { decision: true, input: { action: 'settlement:instruct' } },
      },
      {
        event: 'settle',
        from: 'cleared',
        to: 'settled',
        version: 4,
        decision: { decision: true, input: { action: 'settlement:release' } },
      },
    ]);
    steps.forEach((step, index) => {
      expect(step).toMatchObject({ intent: transaction.intentDigest, mandate: { id: root.id, version: root.version } });
      expect(step.references).toContain(index === 0 ? transaction.recordId : steps[index - 1]?.id);
      expect(step.references).toContain(root.recordId);
    });
    expect(steps[2]?.references).toContain(clearing.recordId);
  });

  it('asks the policies about the initiator, with the facts of the locked row', async () => {
    const { transaction } = await world.reach('submit');
    expect(world.policyEngine.asked.at(-1)).toMatchObject({
      principal: trader.id,
      action: 'order:create',
      resource: { type: 'transaction', facts: { id: transaction.id, state: 'intended', intent: { max_qty: '1000' } } },
      context: { institution: broker, client: 'reporter', mandateInForce: true },
    });
  });

  it('follows the state machine in every random sequence of events', async () => {
    const next: Record<string, Partial<Record<TransactionEvent, string>>> = {
      intended: { submit: 'submitted', cancel: 'cancelled' },
      submitted: { execute: 'executed', cancel: 'cancelled' },
      executed: { clear: 'cleared' },
      cleared: { settle: 'settled' },
    };
    const granted = await world.mandates();
    const events = fc.array(fc.constantFrom<Event>('submit', 'execute', 'clear', 'settle', 'cancel'), {
      minLength: 1,
      maxLength: 7,
    });
    await fc.assert(
      fc.asyncProperty(events, async (sequence) => {
        const { id } = await world.open(granted.root, {
          max_notional: { amount: '1', ccy: 'EUR' },
          limit_price: { amount: '0.001', ccy: 'EUR' },
        });
        let state = 'intended';
        for (const event of sequence) {
          const to = next[state]?.[event];
          const body =
            event === 'execute' ? { body: { executed_qty: '800', price: { amount: '0.001', ccy: 'EUR' } } } : {};
          const attempt = world.report(id, event, body);
          if (to === undefined) await expect(attempt).rejects.toThrow(coded('transition_out_of_order'));
          else state = (await attempt).state;
          expect(await stateOf(id)).toBe(to ?? state);
        }
      }),
      { numRuns: 25 },
    );
  });

  it.each([
    ['submit', [], [venue, clearer, custodian]],
    ['execute', ['submit'], [broker, clearer, custodian]],
    ['clear', ['submit', 'execute'], [broker, venue, custodian]],
    ['settle', ['submit', 'execute', 'clear'], [broker, venue, clearer]],
    ['cancel', ['submit'], [venue, clearer, custodian]],
  ] as const)('accepts %s only from the party in charge of it', async (event, before, others) => {
    const { transaction } = await world.reach(...before);
    for (const institution of others)
      await expect(world.report(transaction.id, event, { institution })).rejects.toThrow(
        coded('transition_not_permitted'),
      );
    for (const institution of [stranger, fund])
      await expect(world.report(transaction.id, event, { institution })).rejects.toThrow(
        coded('transaction_not_found'),
      );
    await expect(world.report(transaction.id, event)).resolves.toMatchObject({ event, replayed: false });
  });

  it('records a refusal before answering it', async () => {
    const { transaction } = await world.reach();
    await expect(world.report(transaction.id, 'settle')).rejects.toThrow(
      coded('transition_out_of_order', { state: 'intended' }),
    );
    expect(recordsOf(transaction.id, 'transaction.refused')).toMatchObject([
      { outcome: 'deny', reason: 'transition_out_of_order', data: { event: 'settle', state: 'intended' } },
    ]);
  });

  it('is refused as a submission after the deadline, and still possible for an order submitted in time', async () => {
    const own = await createTradingWorld();
    const late = await own.reach();
    const inTime = await own.reach('submit');
    own.clock.advance(8 * 3_600_000);
    await expect(own.report(late.transaction.id, 'submit')).rejects.toThrow(coded('intent_expired'));
    await expect(own.report(inTime.transaction.id, 'execute')).resolves.toMatchObject({ state: 'executed' });
    await own.close();
  });

  it.each([
    ['a body that is not an object', 'submit', []],
    ['a member that nothing compares', 'settle', { settled_qty: '800', settled_amount: '1' }],
    ['no quantity', 'execute', { price: { amount: '1', ccy: 'EUR' } }],
    ['a quantity of nothing', 'clear', { cleared_qty: '0' }],
    ['a negative quantity', 'clear', { cleared_qty: '-1' }],
    ['a quantity as a number', 'clear', { cleared_qty: 800 }],
    ['a second text for one number', 'clear', { cleared_qty: '800.0' }],
    ['a currency there is not', 'execute', { executed_qty: '1', price: { amount: '1', ccy: 'XXX' } }],
    ['a prototype in disguise', 'submit', JSON.parse('{"__proto__":{"settled":true}}')],
  ] as const)('refuses %s', async (_, event, body) => {
    const { transaction } = await world.reach();
    await expect(world.report(transaction.id, event, { body })).rejects.toThrow(coded('transition_invalid'));
    expect(world.recordsOf(transaction.id).filter(({ type }) => type === 'transaction.refused')).toMatchObject([
      { outcome: 'deny', reason: 'transition_invalid', data: { event } },
    ]);
  });

  it('names everybody in the acting chain of the request, whatever was wrong with it', async () => {
    const { transaction } = await world.reach('submit');
    const actors = ['service:oms', 'service:console'];
    const ask = (body: Readonly<Record<string, unknown>>, idempotencyKey: string) =>
      world.registry.transition({
        transaction: transaction.id,
        event: 'acknowledge',
        idempotencyKey,
        body,
        by: { id: 'service:reporter', institution: venue, client: 'reporter' },
        actors,
      });
    await ask({}, 'acknowledge-once');
    await expect(ask({ more: 1 }, 'acknowledge-once')).rejects.toThrow(coded('idempotency_conflict'));
    await expect(ask({ more: 1 }, 'acknowledge-twice')).rejects.toThrow(coded('transition_invalid'));
    const refusals = world.recordsOf(transaction.id).filter(({ type }) => type === 'transaction.refused');
    expect(refusals.map((record) => [record.reason, record.actors])).toEqual(
      ['idempotency_conflict', 'transition_invalid'].map((reason) => [reason, actors.map((id) => ({ id }))]),
    );
  });

  it.each([
    ['', 'idempotency_key_missing'],
    ['with a space', 'transition_invalid'],
    ['x'.repeat(129), 'transition_invalid'],
  ])('refuses the idempotency key "%s"', async (key, code) => {
    const { transaction } = await world.reach();
    await expect(world.report(transaction.id, 'submit', { key })).rejects.toThrow(coded(code));
  });
});

describe('terms', () => {
  const price = (amount: string, ccy = 'EUR') => ({ amount, ccy });

  it.each([
    ['more than was ordered', { executed_qty: '1000.1', price: price('100') }, 'executed_qty'],
    ['above the limit of an order to buy', { executed_qty: '1000', price: price('120.000001') }, 'price'],
    ['in another currency', { executed_qty: '1', price: price('1', 'USD') }, 'price'],
  ])('refuses an execution %s', async (_, body, field) => {
    const { transaction } = await world.reach('submit');
    await expect(world.report(transaction.id, 'execute', { body })).rejects.toThrow(coded('terms_exceeded', { field }));
    expect(await stateOf(transaction.id)).toBe('submitted');
  });

  it('refuses an execution below the limit of an order to sell, and takes a better one', async () => {
    const { root } = await world.mandates();
    const { id } = await world.open(root, { side: 'SELL', max_notional: price('1000000') });
    await world.report(id, 'submit');
    await expect(world.report(id, 'execute', { body: { executed_qty: '1', price: price('119.99') } })).rejects.toThrow(
      coded('terms_exceeded', { field: 'price' }),
    );
    await expect(
      world.report(id, 'execute', { body: { executed_qty: '1', price: price('130') } }),
    ).resolves.toMatchObject({ state: 'executed' });
  });

  it('refuses an execution at market worth more than permitted', async () => {
    const { root } = await world.mandates();
    const { limit_price: _, ...atMarket } = tradeOrder(root.id);
    const { id } = await world.begun({
      detail: { ...atMarket, idempotency_key: world.next('order') },
      mandate: { id: root.id, version: root.version, recordId: root.recordId },
      initiator: actor(trader),
      client: 'broker-oms',
    });
    await world.report(id, 'submit');
    const body = { executed_qty: '1000', price: price('120.01') };
    await expect(world.report(id, 'execute', { body })).rejects.toThrow(coded('terms_exceeded'));
    // For contracts of a hundred each, a hundredth of the quantity is worth the same.
    const { isin = '' } = atMarket.instrument;
    world.directory.instruments.set(isin, { priceMultiplier: '100' } as Instrument);
    const dearer = { executed_qty: '10', price: price('120.01') };
    await expect(world.report(id, 'execute', { body: dearer })).rejects.toThrow(coded('terms_exceeded'));
    await expect(
      world.report(id, 'execute', { body: { executed_qty: '10', price: price('120') } }),
    ).resolves.toMatchObject({ state: 'executed' });
    world.directory.instruments.delete(isin);
  });

  it('accepts exactly the ordered quantity at exactly its limit', async () => {
    const { transaction } = await world.reach('submit');
    const body = { executed_qty: '1000', price: price('120') };
    await expect(world.report(transaction.id, 'execute', { body })).resolves.toMatchObject({ state: 'executed' });
  });

  it('refuses to clear more than was executed, and to settle more than was cleared or a higher value', async () => {
    const { transaction } = await world.reach('submit', 'execute');
    const { id } = transaction;
    await expect(world.report(id, 'clear', { body: { cleared_qty: '800.1' } })).rejects.toThrow(
      coded('terms_exceeded', { field: 'cleared_qty' }),
    );
    await world.report(id, 'clear', { body: { cleared_qty: '700' } });
    await expect(world.report(id, 'settle', { body: { settled_qty: '701' } })).rejects.toThrow(
      coded('terms_exceeded', { field: 'settled_qty' }),
    );
    const rich = { settled_qty: '700', amount: price('95600.01') };
    await expect(world.report(id, 'settle', { body: rich })).rejects.toThrow(
      coded('terms_exceeded', { field: 'amount' }),
    );
    await expect(world.report(id, 'settle', { body: { ...rich, amount: price('83650') } })).resolves.toMatchObject({
      state: 'settled',
    });
  });
});

describe('repeating a transition', () => {
  it('returns the first receipt and has no second effect', async () => {
    const { transaction } = await world.reach('submit', 'execute', 'clear');
    const first = await world.report(transaction.id, 'settle', { key: 'settle-once' });
    const second = await world.report(transaction.id, 'settle', { key: 'settle-once' });
    expect(second).toEqual({ ...first, replayed: true });
    expect(recordsOf(transaction.id, 'transaction.transitioned')).toHaveLength(4);
  });

  it('returns the first receipt also when the transaction has advanced since', async () => {
    const { transaction } = await world.reach();
    const first = await world.report(transaction.id, 'submit', { key: 'submit-once' });
    await world.report(transaction.id, 'execute');
    expect(await world.report(transaction.id, 'submit', { key: 'submit-once' })).toEqual({ ...first, replayed: true });
  });

  it('settles once when fifty ask at once with one key', async () => {
    const { transaction } = await world.reach('submit', 'execute', 'clear');
    const receipts = await Promise.all(
      Array.from({ length: 50 }, () => world.report(transaction.id, 'settle', { key: 'settle-fifty' })),
    );
    expect(receipts.filter(({ replayed }) => !replayed)).toHaveLength(1);
    expect(new Set(receipts.map(({ recordId }) => recordId)).size).toBe(1);
    expect(
      recordsOf(transaction.id, 'transaction.transitioned').filter(
        ({ data }) => (data as { event: string }).event === 'settle',
      ),
    ).toHaveLength(1);
  });

  it('settles once when fifty ask at once on two nodes, each with its own key', async () => {
    const { transaction } = await world.reach('submit', 'execute', 'clear');
    const other = world.registryWith();
    const attempts = await Promise.allSettled(
      Array.from({ length: 50 }, (_, index) =>
        world.report(transaction.id, 'settle', index % 2 === 0 ? {} : { on: other }),
      ),
    );
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason).toEqual(coded('transition_out_of_order'));
    expect(await world.registry.facts(transaction.id)).toMatchObject({ state: 'settled', version: 4 });
  });

  it('refuses the key with another body, and with another event', async () => {
    const { transaction } = await world.reach('submit', 'execute');
    await world.report(transaction.id, 'clear', { key: 'clear-key', body: { cleared_qty: '800' } });
    await expect(
      world.report(transaction.id, 'clear', { key: 'clear-key', body: { cleared_qty: '799' } }),
    ).rejects.toThrow(coded('idempotency_conflict'));
    await world.report(transaction.id, 'settle', { key: 'settle-key' });
    await expect(
      world.report(transaction.id, 'cancel', { key: 'settle-key', institution: custodian, body: {} }),
    ).rejects.toThrow(coded('idempotency_conflict'));
    // Answered after it was recorded, with the step to which the key belongs.
    const steps = world.recordsOf(transaction.id).filter(({ type }) => type === 'transaction.transitioned');
    const [clear, settle] = steps.slice(-2);
    expect(world.recordsOf(transaction.id).filter(({ type }) => type === 'transaction.refused')).toMatchObject([
      { outcome: 'deny', reason: 'idempotency_conflict', references: [clear?.id], data: { event: 'clear' } },
      { outcome: 'deny', reason: 'idempotency_conflict', references: [settle?.id], data: { event: 'cancel' } },
    ]);
  });

  it('keeps the keys of the parties apart', async () => {
    const { transaction } = await world.reach('submit');
    await world.report(transaction.id, 'execute', { key: 'the-same-key' });
    await expect(world.report(transaction.id, 'clear', { key: 'the-same-key' })).resolves.toMatchObject({
      state: 'cleared',
      replayed: false,
    });
  });
});

describe('authority at each event', () => {
  it('raises an exception when the mandate was revoked between execution and settlement, and stops', async () => {
    const { transaction, root } = await world.reach('submit', 'execute', 'clear');
    const { recordId } = await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    const refused = world.report(transaction.id, 'settle');
    await expect(refused).rejects.toThrow(
      coded('mandate_lapsed', { reason: 'mandate_revoked', exception: expect.stringMatching(/^exc_/) }),
    );
    expect(await stateOf(transaction.id)).toBe('cleared');
    const open = await world.registry.exceptions({ transaction: transaction.id });
    expect(open).toMatchObject([{ event: 'settle', reason: 'mandate_revoked', status: 'open' }]);
    expect(recordsOf(transaction.id, 'exception.raised')).toMatchObject([
      {
        id: open[0]?.recordId,
        outcome: 'deny',
        reason: 'mandate_revoked',
        references: expect.arrayContaining([recordId]),
      },
    ]);
  });

  it('raises one exception however often the same is tried, and each refusal names it', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    await world.consentStore.suspend(root.id, actor(fundSignatory), 'Review');
    const attempts = await Promise.allSettled(Array.from({ length: 10 }, () => world.report(transaction.id, 'clear')));
    const [exception, ...others] = await world.registry.exceptions({ transaction: transaction.id });
    expect(others).toEqual([]);
    for (const attempt of attempts)
      expect(attempt).toEqual({ status: 'rejected', reason: coded('mandate_lapsed', { exception: exception?.id }) });
  });

  it('stays stopped although the mandate is in force again: no exception resolves itself', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    await world.consentStore.suspend(root.id, actor(fundSignatory), 'Review');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
    await world.consentStore.resume(root.id, actor(fundSignatory), 'Done');
    const [exception] = await world.registry.exceptions({ transaction: transaction.id, status: 'open' });
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(
      coded('exception_open', { exception: exception?.id, cause: 'mandate' }),
    );
    expect(recordsOf(transaction.id, 'transaction.refused')).toMatchObject([{ reason: 'exception_open' }]);
    expect(await stateOf(transaction.id)).toBe('executed');
  });

  it('checks that the clearing firm still holds its sub-mandate', async () => {
    const { transaction, clearing } = await world.reach('submit', 'execute');
    const { recordId } = await world.consentStore.revoke(clearing.id, actor(brokerSignatory), 'Other clearing firm');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(
      coded('mandate_lapsed', { reason: 'mandate_revoked' }),
    );
    expect(recordsOf(transaction.id, 'exception.raised')[0]?.references).toContain(recordId);
  });

  it('refuses to submit on a lapsed mandate, without an exception: nothing has happened yet', async () => {
    const { transaction, root } = await world.reach();
    await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    await expect(world.report(transaction.id, 'submit')).rejects.toThrow(
      coded('mandate_lapsed', { reason: 'mandate_revoked' }),
    );
    expect(await world.registry.exceptions({ transaction: transaction.id })).toEqual([]);
    expect(recordsOf(transaction.id, 'transaction.refused')).toMatchObject([{ reason: 'mandate_lapsed' }]);
  });

  it('lets an order be cancelled on a lapsed mandate', async () => {
    const { transaction, root } = await world.reach('submit');
    await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    await expect(world.report(transaction.id, 'cancel')).resolves.toMatchObject({ state: 'cancelled' });
  });

  it('settles in the evening what was ordered within the hours of the mandate, and submits nothing outside them', async () => {
    const own = await createTradingWorld();
    const hours = { timeZone: 'UTC', days: [1, 2, 3, 4, 5], from: '08:00', until: '16:00' };
    const { id } = await own.consentStore.propose(
      rootProposal({ constraints: { ...constraints, hours } }),
      actor(fundSignatory),
      own.next('proposal'),
    );
    const root = await own.consentStore.accept(id, { termsHash }, actor(brokerSignatory));
    const parties = [
      { role: 'ExecutingBroker', lei: broker },
      { role: 'ExecutionFacility', lei: venue },
      { role: 'ClearingFirm', lei: broker },
      { role: 'Custodian', lei: custodian },
    ];
    const early = await own.open(root, { parties, not_after: '2026-06-15T23:00:00Z' });
    const late = await own.open(root, { parties, not_after: '2026-06-15T23:00:00Z' });
    await own.report(early.id, 'submit');
    await own.report(early.id, 'acknowledge');
    own.clock.advance(7 * 3_600_000);
    await expect(own.report(late.id, 'submit')).rejects.toThrow(coded('mandate_lapsed', { reason: 'mandate_hours' }));
    await own.report(early.id, 'execute');
    await own.report(early.id, 'clear', { institution: broker });
    await expect(own.report(early.id, 'settle')).resolves.toMatchObject({ state: 'settled' });
    await own.close();
  });
});

describe('the decision', () => {
  const large = { max_notional: { amount: '1500000', ccy: 'EUR' } };

  it('asks for the missing approval, and records the decision', async () => {
    const { root } = await world.mandates();
    const { id } = await world.open(root, large);
    const obligations = [obligationJson(supervisorWanted)];
    await expect(world.report(id, 'submit')).rejects.toThrow(coded('approval_required', { obligations }));
    expect(recordsOf(id, 'transaction.refused')).toMatchObject([
      { reason: 'approval_required', policy: { version: 1 }, data: { decision: { decision: false, obligations } } },
    ]);
  });

  it.each(['submit', 'clear', 'settle'] as const)('does not let %s pass against the policies', async (event) => {
    const before = { submit: [], clear: ['submit', 'execute'], settle: ['submit', 'execute', 'clear'] } as const;
    const { transaction } = await world.reach(...before[event]);
    world.policyEngine.forbid(true);
    const reasons = [expect.objectContaining({ code: 'forbidden_for_the_test' })];
    // The initiator gets the reasons; a clearing firm and a custodian get only the refusal and the exception.
    const facts = event === 'submit' ? { reasons } : { exception: expect.stringMatching(/^exc_/) };
    try {
      const refused = await world.report(transaction.id, event).catch((error: unknown) => error);
      expect(refused).toEqual(coded('transition_not_permitted', facts));
      if (event !== 'submit') expect(JSON.stringify(refused)).not.toContain('forbidden_for_the_test');
    } finally {
      world.policyEngine.forbid(false);
    }
    // Before execution a refusal is enough; afterwards an exception stays open until somebody resolves it.
    const exceptions = await world.registry.exceptions({ transaction: transaction.id });
    const attempt = world.report(transaction.id, event);
    if (event === 'submit') {
      expect(exceptions).toEqual([]);
      await expect(attempt).resolves.toMatchObject({ event });
    } else {
      expect(exceptions).toMatchObject([{ cause: 'entitlement', event, owner: broker, status: 'open' }]);
      await expect(attempt).rejects.toThrow(coded('exception_open'));
    }
  });
});

describe('the daily notional', () => {
  const million = { max_notional: { amount: '1000000', ccy: 'EUR' } };
  const usedOf = (id: string) => world.used(`mandate:${id}`);

  it('is not exceeded by concurrent orders, and the headroom is reported', async () => {
    const { root } = await world.mandates();
    const orders = await Promise.all(Array.from({ length: 8 }, () => world.open(root, million)));
    const attempts = await Promise.allSettled(orders.map(({ id }) => world.report(id, 'submit')));
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
    for (const attempt of attempts)
      if (attempt.status === 'rejected')
        expect(attempt.reason).toEqual(coded('notional_per_day', { mandate: root.id, headroom: '0', ccy: 'EUR' }));
    expect(await usedOf(root.id)).toBe('5000000');
  });

  it('is returned when an order is cancelled', async () => {
    const { root } = await world.mandates();
    const { id } = await world.open(root, million);
    await world.report(id, 'submit');
    expect(await usedOf(root.id)).toBe('1000000');
    await world.report(id, 'cancel');
    expect(await usedOf(root.id)).toBe('0');
  });

  it('is returned in time when the log did not take the submission, and counts once when it is repeated', async () => {
    const { root } = await world.mandates();
    const { id } = await world.open(root, million);
    world.audit.breakDown('writing');
    await expect(world.report(id, 'submit', { key: 'submit-retry' })).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    // Whether it was recorded is unknown at first, so the amount stays reserved until somebody has looked.
    expect(await usedOf(root.id)).toBe('1000000');
    world.clock.advance(31_000);
    expect(await world.limits.settle()).toBe(1);
    expect(await usedOf(root.id)).toBe('0');
    await world.report(id, 'submit', { key: 'submit-retry' });
    await world.report(id, 'submit', { key: 'submit-retry' });
    expect(await usedOf(root.id)).toBe('1000000');
  });
});

describe('a failure on the way', () => {
  it('changes nothing when the log cannot be written', async () => {
    const { transaction } = await world.reach('submit', 'execute', 'clear');
    world.audit.breakDown('writing');
    await expect(world.report(transaction.id, 'settle', { key: 'settle-broken' })).rejects.toThrow(
      coded('log_unavailable'),
    );
    world.audit.repair();
    expect(await world.registry.facts(transaction.id)).toMatchObject({ state: 'cleared', version: 3 });
    expect(await world.report(transaction.id, 'settle', { key: 'settle-broken' })).toMatchObject({
      state: 'settled',
      replayed: false,
    });
  });

  it('raises no exception that could not be recorded', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    world.audit.breakDown('writing');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    expect(await world.registry.exceptions({ transaction: transaction.id })).toEqual([]);
  });

  it('is completed from its record when the connection breaks between record and commit: a repetition is not recorded again', async () => {
    const { transaction } = await world.reach('submit', 'execute', 'clear');
    const admin = world.scratch.pool('transaction-registry');
    world.audit.afterNextAppend(async () => {
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
      );
    });
    await expect(world.report(transaction.id, 'settle', { key: 'settle-crash' })).rejects.toThrow(
      coded('database_unavailable'),
    );
    const { rows } = await admin.query('select state, version from transactions where id = $1', [transaction.id]);
    expect(rows).toEqual([{ state: 'cleared', version: 3 }]);
    expect(await world.report(transaction.id, 'settle', { key: 'settle-crash' })).toMatchObject({
      state: 'settled',
      version: 4,
      replayed: true,
    });
    expect(await world.registry.facts(transaction.id)).toMatchObject({ state: 'settled', version: 4 });
    const settled = world.audit.records.filter(
      ({ type, transaction: id, data }) =>
        type === 'transaction.transitioned' && id === transaction.id && (data as { to?: string }).to === 'settled',
    );
    expect(settled).toHaveLength(1);
  });

  it('stops the transaction while the mandates cannot be checked', async () => {
    const { transaction } = await world.reach('submit', 'execute');
    const unasked = world.registryWith({
      consentStore: {
        check: () => Promise.reject(new Error('out of reach')),
        find: () => Promise.reject(new Error('out of reach')),
      },
    });
    await expect(world.report(transaction.id, 'clear', { on: unasked })).rejects.toThrow('out of reach');
    expect(await stateOf(transaction.id)).toBe('executed');
  });
});
