import type { Json, RecordId, TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { clearer } from '../../../../protocols/market/src/testing/example-details.ts';
import type { RunningPolicyEngine } from '../index.ts';
import { agent, desk, directoryOf, market, operator, own, person, stranger, transactionOf } from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';

/** Everybody may do anything unless a signal or a limit stops it. */
const policies = `
@id("everything") permit (principal, action, resource);
@id("signed-in") @reason("sign_in_too_weak") @remedy("step-up phr 300")
forbid (principal is Person, action == Action::"order:create", resource)
when { context.claimedSignals.contains("impossible-travel") }
unless { context has acr && context.acr == "phr" };
@id("no-strangers") @reason("stranger")
forbid (principal, action, resource is Resource)
unless { resource has institution && resource.institution == principal.institution };
@id("mandated") @reason("mandate_not_in_force")
forbid (principal, action, resource is Transaction) unless { context.mandateInForce };`;
const limits = [
  { id: 'per-order', measure: 'notional', per: ['trader'], window: 'order', max: '1000', unit: 'EUR' },
  {
    id: 'per-day',
    measure: 'notional',
    per: ['trader'],
    window: { rolling_seconds: 86_400 },
    max: '1500',
    unit: 'EUR',
    overridable_by: 'risk',
  },
];

/** A caller adds a signal to the existing ones. */
const travelled = { signals: ['impossible-travel'] };
const never = () => new Promise<never>(() => undefined);
const caller = { id: 'service:own', institution: own };
const order = (amount: string, ccy = 'EUR') =>
  transactionOf('trade_order', {
    drop: ['algo'],
    set: { max_notional: { amount, ccy }, limit_price: { amount: '1', ccy } },
  });

describe('a question from outside', () => {
  let rig: EngineRig;
  let engine: RunningPolicyEngine;
  beforeAll(async () => {
    rig = await createEngineRig({ policies, limits, rates: { 'USD/EUR': '0.9' } });
    engine = await rig.start();
  });
  afterAll(() => rig.close());
  beforeEach(() => rig.transactions.clear());

  const request = (id: string, context: Readonly<Record<string, Json>> = {}) => ({
    subject: { type: 'person', id: 'person:own' },
    action: { name: 'order:create' },
    resource: { type: 'transaction', id },
    context,
  });
  function known(facts: ReturnType<typeof order>) {
    rig.transactions.set(facts.id, { facts, parties: [own] });
    return facts.id;
  }
  const lastRecord = () => {
    const record = rig.records.at(-1);
    if (record === undefined) throw new Error('nothing was recorded');
    return record;
  };

  describe('about an order that the policies permit', () => {
    it('is permitted within the limits, and the reading is recorded', async () => {
      expect(await engine.evaluate(request(known(order('900'))), caller)).toMatchObject({ decision: true });
      expect(lastRecord()).toMatchObject({
        outcome: 'permit',
        data: {
          decision: {
            input: {
              limits: {
                outcome: 'reserved',
                readings: [{ limit: 'per-order' }, { limit: 'per-day', headroom: '1500' }],
              },
            },
          },
        },
      });
    });

    it('is denied above a limit, with what is left, and without an obligation if nobody may approve the excess', async () => {
      const answer = await engine.evaluate(request(known(order('1001'))), caller);
      expect(answer).toMatchObject({ decision: false, determining: [], obligations: [] });
      expect(answer.reasons).toEqual([
        {
          code: 'limit_exceeded',
          detail: 'The limit per-order of 1000 EUR has 1000 EUR left, and this order is for 1001 EUR.',
        },
      ]);
      expect(lastRecord()).toMatchObject({ outcome: 'deny', reason: 'limit_exceeded' });
    });

    it('names whose approval lifts the denial', async () => {
      const held = transactionOf('trade_order', {
        drop: ['algo'],
        id: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c9' as never,
        set: { max_notional: { amount: '1000', ccy: 'EUR' }, limit_price: { amount: '1', ccy: 'EUR' } },
      });
      await engine.limits.reserve({ reservation: held.id, facts: held, at: rig.clock.now() });
      const answer = await engine.evaluate(request(known(order('900'))), caller);
      expect(answer.reasons.map(({ code }) => code)).toEqual(['limit_exceeded']);
      expect(answer.obligations).toEqual([{ kind: 'approval', role: 'risk', count: 1, escalation: [] }]);
      await engine.limits.release(held.id);
      expect(await engine.evaluate(request(known(order('900'))), caller)).toMatchObject({ decision: true });
    });

    it('does not name an approval that is no longer possible', async () => {
      const held = transactionOf('trade_order', {
        drop: ['algo'],
        id: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c9' as never,
        set: { max_notional: { amount: '1000', ccy: 'EUR' }, limit_price: { amount: '1', ccy: 'EUR' } },
      });
      await engine.limits.reserve({ reservation: held.id, facts: held, at: rig.clock.now() });
      const answer = await engine.evaluate(request(known({ ...order('900'), state: 'cancelled' })), caller);
      expect(answer.reasons.map(({ code }) => code)).toEqual(['limit_exceeded']);
      expect(answer.obligations).toEqual([]);
      await engine.limits.release(held.id);
    });

    it('applies the limits when a quote is accepted, but not when one is requested', async () => {
      const set = { max_notional: { amount: '1001', ccy: 'EUR' }, limit_price: { amount: '1', ccy: 'EUR' } };
      const rfq = transactionOf('rfq', { drop: ['algo'], set });
      rig.transactions.set(rfq.id, { facts: rfq, parties: [own] });
      const to = (name: string) => engine.evaluate({ ...request(rfq.id), action: { name } }, caller);
      expect(await to('rfq:accept')).toMatchObject({ decision: false, reasons: [{ code: 'limit_exceeded' }] });
      expect(await to('rfq:create')).toMatchObject({ decision: true });
    });

    it('is denied in a currency that a limit cannot count', async () => {
      expect(await engine.evaluate(request(known(order('1000', 'USD'))), caller)).toMatchObject({ decision: true });
      expect(await engine.evaluate(request(known(order('1', 'CHF'))), caller)).toMatchObject({
        decision: false,
        reasons: [{ code: 'limit_currency' }],
      });
    });

    it.each([['900'], ['1001']])('is replayed identically from its record (%s)', async (amount) => {
      const { recordId } = await engine.evaluate(request(known(order(amount))), caller);
      expect(await engine.history.replay(recordId)).toMatchObject({ outcome: 'identical' });
    });
  });

  it.each([
    ['within the limits', '1000', 'EUR', true],
    ['past the limit of an order', '1001', 'EUR', false],
    ['past what is left of the day', '601', 'EUR', false],
    ['in a currency that no limit can count', '1', 'CHF', false],
  ])('about an order %s is found by a search if an evaluation permits it', async (title, amount, ccy, permitted) => {
    const before = { ...order('900'), id: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c9' as TransactionId };
    const isLeft = title.includes('left');
    if (isLeft) await engine.limits.reserve({ reservation: before.id, facts: before, at: rig.clock.now() });
    const asked = request(known(order(amount, ccy)));
    const { subject, action, resource, context } = asked;
    const { decision } = await engine.evaluate(asked, caller);
    const actions = await engine.search({ kind: 'action', subject, resource, context }, caller);
    const people = await engine.search(
      { kind: 'subject', subject: { type: 'person' }, action, resource, context },
      caller,
    );
    expect([decision, actions.results.some((each) => 'name' in each && each.name === action.name)]).toEqual([
      permitted,
      permitted,
    ]);
    expect(people.results).toEqual(
      permitted ? ['person:clerk', 'person:own'].map((id) => ({ type: 'person', id })) : [],
    );
    // Limits apply to deals only.
    expect(actions.results).toContainEqual({ name: 'trade:affirm' });
    const { readings } = await engine.limits.read({ facts: order('1'), at: rig.clock.now() });
    expect(readings.map(({ used }) => used)).toEqual(['0', isLeft ? '900' : '0']);
    await engine.limits.release(before.id);
  });

  it('is denied for the policies’ reasons alone when they deny', async () => {
    const answer = await engine.evaluate(request(known(order('1001')), travelled), caller);
    expect(answer).toMatchObject({
      reasons: [{ code: 'sign_in_too_weak' }],
      obligations: [{ kind: 'step-up', acr: 'phr', maxAgeSeconds: 300 }],
    });
    expect(answer.input).not.toHaveProperty('limits');
  });

  it.each([
    ['the transaction', { transactions: { facts: never, parties: never, countsAgainstLimits: never } }],
    ['the parties', { transactions: { facts: async () => order('1'), parties: never, countsAgainstLimits: never } }],
    ['the mandate', { consentStore: { check: never } }],
  ])('is denied, and the denial recorded, when %s cannot be read in time', async (_, slow) => {
    const impatient = await rig.start({ factsWithinMs: 20, ...slow });
    const answer = await impatient.evaluate(request(known(order('1'))), caller);
    expect(answer).toMatchObject({ decision: false, reasons: [{ code: 'decision_timed_out' }], obligations: [] });
    expect(lastRecord()).toMatchObject({ id: answer.recordId, outcome: 'deny', reason: 'decision_timed_out' });
    expect(lastRecord().transaction).toBeUndefined();
    expect(await impatient.history.replay(answer.recordId)).toMatchObject({ outcome: 'missing' });
  });

  it('is refused when the facts cannot be read at all, and nothing is recorded', async () => {
    const before = rig.records.length;
    const broken = await rig.start({
      consentStore: {
        check: async () => {
          throw new Error('the store is gone');
        },
      },
    });
    await expect(broken.evaluate(request(known(order('1'))), caller)).rejects.toThrow('the store is gone');
    expect(rig.records).toHaveLength(before);
  });

  it('is answered by a version at least as new as asked for, or not at all', async () => {
    const id = known(order('1'));
    const asking = (context: Readonly<Record<string, Json>>) => engine.evaluate(request(id, context), caller);
    expect(await asking({ policy_version: 1, entity_version: 1 })).toMatchObject({
      policyVersion: 1,
      entityVersion: 1,
    });
    await expect(asking({ policy_version: 2 })).rejects.toMatchObject({ code: 'policy_behind' });
    const input = {
      principal: 'person:own',
      action: 'order:create',
      resource: { type: 'transaction', facts: order('1') },
      context: {
        client: '',
        institution: own,
        audience: '',
        at: rig.clock.now(),
        scopes: [],
        mandateInForce: true,
      },
    } as const;
    await expect(engine.decide({ ...input, atLeast: { policyVersion: 2 } })).rejects.toMatchObject({
      code: 'policy_behind',
    });
    expect(await engine.decide({ ...input, atLeast: { policyVersion: 1 } })).toMatchObject({ decision: true });
  });

  it('is answered by a directory at least as new as asked for', async () => {
    const newer = directoryOf({ version: 9 });
    const node = await rig.start({
      directory: {
        snapshot: () => rig.directory,
        async snapshotAtLeast(version) {
          if (version > 9) throw Object.assign(new Error('behind'));
          rig.directory = newer;
          return newer;
        },
      },
    });
    const answer = await node.evaluate(request(known(order('1')), { entity_version: 9 }), caller);
    expect(answer.entityVersion).toBe(9);
    rig.directory = desk;
  });

  it.each([
    ['rfq', 'rfq:create'],
    ['rfq', 'rfq:accept'],
    ['allocation', 'allocation:propose'],
    ['collateral_transfer', 'collateral:transfer'],
    ['withdrawal', 'withdrawal:request'],
    ['address_book_change', 'withdrawal-address:propose'],
    ['regulatory_report', 'report:submit'],
  ] as const)('about a step of a %s checks the mandate for %s, as of the start of the intent', async (name, action) => {
    const asked: { action: string; atLeastVersion: number | undefined }[] = [];
    const mandated = await rig.start({
      consentStore: {
        async check({ use, atLeastVersion }) {
          asked.push({ action: use.action, atLeastVersion });
          return { valid: true, chain: [] } as never;
        },
      },
    });
    const facts = transactionOf(name, { mandate: { id: transactionOf(name).mandate.id, version: 7 } });
    rig.transactions.set(facts.id, { facts, parties: [own] });
    const answer = await mandated.evaluate({ ...request(facts.id), action: { name: action } }, caller);
    expect(answer.input).toMatchObject({ context: { mandateInForce: true } });
    expect(asked).toEqual([{ action, atLeastVersion: 7 }]);
  });

  it('about people of another firm is answered for their firm, for themselves and for the operator only', async () => {
    const facts = order('1');
    rig.transactions.set(facts.id, { facts, parties: [own, clearer] });
    const answerTo = async (institution: string, subject: string, resource: { type: string; id: string }) => {
      const asked = { subject: { type: 'person', id: subject }, action: { name: 'token:issue' }, resource };
      const { reasons, determining, decision, input } = await engine.evaluate(asked, { id: 'service:x', institution });
      return { decision, determining, codes: reasons.map(({ code }) => code), found: Object(input).local.length > 0 };
    };
    const nothing = { decision: false, determining: [], codes: ['not_evaluable'], found: false };
    const theirs = { type: 'resource', id: 'https://venue.example/orders' };
    for (const subject of ['person:stranger', 'person:nobody'])
      for (const resource of [
        { type: 'resource', id: 'https://oms.example/orders' },
        { type: 'resource', id: 'urn:x' },
      ])
        expect(await answerTo(clearer, subject, resource)).toEqual(nothing);
    expect(await answerTo(clearer, 'person:stranger', theirs)).toEqual(nothing);
    for (const institution of [stranger, operator])
      expect(await answerTo(institution, 'person:stranger', theirs)).toMatchObject({ decision: true });
    expect(await answerTo(stranger, 'person:own', theirs)).toMatchObject({ codes: ['stranger'] });
    // About a transaction: its initiator and the caller's own people.
    const transaction = { type: 'transaction', id: facts.id };
    expect(await answerTo(clearer, 'person:own', transaction)).toMatchObject({ found: true });
    expect(await answerTo(clearer, 'person:stranger', transaction)).toEqual(nothing);
    expect(await answerTo(own, 'person:stranger', transaction)).toEqual(nothing);
  });

  it('in a batch is decided with the others, each recorded', async () => {
    const id = known(order('1'));
    const before = rig.records.length;
    const weak = request(id, travelled);
    const answers = await engine.evaluations(
      { evaluations: [request(id), weak, request(id)], semantic: 'deny_on_first_deny' },
      caller,
    );
    expect(answers.map(({ decision }) => decision)).toEqual([true, false]);
    expect(rig.records).toHaveLength(before + 2);
  });
});

describe('a search', () => {
  let rig: EngineRig;
  let engine: RunningPolicyEngine;
  beforeAll(async () => {
    rig = await createEngineRig({ policies });
    engine = await rig.start({
      consentStore: { check: async ({ use }) => ({ valid: use.action === 'order:create', chain: [] }) as never },
    });
    const facts = order('1');
    rig.transactions.set(facts.id, { facts, parties: [own] });
  });
  afterAll(() => rig.close());
  const transaction = { type: 'transaction', id: order('1').id };
  const ids = (results: readonly ({ id: string } | { name: string })[]) =>
    results.map((each) => ('id' in each ? each.id : each.name));

  it('for subjects finds those of the caller that are permitted', async () => {
    const find = async (type: string, by = caller) =>
      ids(
        (
          await engine.search(
            { kind: 'subject', subject: { type }, action: { name: 'order:create' }, resource: transaction },
            by,
          )
        ).results,
      );
    expect(await find('person')).toEqual(['person:clerk', 'person:own']);
    expect(await find('agent')).toEqual(['agent:draft', 'agent:vwap']);
    expect(await find('device')).toEqual([]);
    expect(await find('person', { id: 'service:x', institution: operator })).toContain('person:stranger');
    expect(await find('person', { id: 'service:x', institution: stranger })).toEqual([]);
  });

  it('for actions finds those that are permitted, and checks the mandate for each', async () => {
    const { results } = await engine.search(
      { kind: 'action', subject: { type: 'person', id: 'person:own' }, resource: transaction },
      caller,
    );
    expect(ids(results)).toEqual(['order:create', 'token:issue', 'trade:affirm']);
  });

  it('for interfaces finds those of the caller, a page at a time, and is recorded', async () => {
    const find = (token?: string) =>
      engine.search(
        {
          kind: 'resource',
          subject: { type: 'person', id: 'person:own' },
          action: { name: 'token:issue' },
          resource: { type: 'resource' },
          page: { limit: 1, ...(token === undefined ? {} : { token }) },
        },
        caller,
      );
    const first = await find();
    const second = await find(first.nextToken);
    expect([...ids(first.results), ...ids(second.results)]).toEqual([
      'https://oms.example/orders',
      'https://wallet.example/withdrawals',
    ]);
    expect(second.nextToken).toBe('');
    expect(rig.records.at(-1)).toMatchObject({ id: second.recordId satisfies RecordId, type: 'decision.searched' });
  });

  it('answers nothing when its data cannot be read in time', async () => {
    const about = { kind: 'action', subject: { type: 'person', id: 'person:own' }, resource: transaction } as const;
    const slow = await rig.start({
      factsWithinMs: 20,
      transactions: { facts: never, parties: never, countsAgainstLimits: never },
    });
    await expect(slow.search(about, caller)).rejects.toMatchObject({ code: 'decision_timed_out' });
    const unmandated = await rig.start({ factsWithinMs: 20, consentStore: { check: never } });
    await expect(unmandated.search(about, caller)).rejects.toMatchObject({ code: 'decision_timed_out' });
    const unread = await rig.start({ factsWithinMs: 20 });
    const other = await rig.scratch.pool('policy-engine').connect();
    await other.query('begin');
    await other.query('lock table limit_holds in access exclusive mode');
    await expect(unread.search(about, caller)).rejects.toMatchObject({ code: 'decision_timed_out' });
    await other.query('rollback');
    other.release();
  });

  it('does not enumerate transactions', async () => {
    await expect(
      engine.search(
        {
          kind: 'resource',
          subject: { type: 'person', id: 'person:own' },
          action: { name: 'order:create' },
          resource: { type: 'transaction' },
        },
        caller,
      ),
    ).rejects.toMatchObject({ code: 'search_not_supported' });
  });

  it('sees people who have joined or left', async () => {
    rig.directory = directoryOf({
      version: 2,
      principals: [...market.principals.filter(({ id }) => id !== agent.id), person('new', own)],
    });
    const { results, entityVersion } = await engine.search(
      {
        kind: 'subject',
        subject: { type: 'person' },
        action: { name: 'order:create' },
        resource: transaction,
      },
      caller,
    );
    expect(ids(results)).toContain('person:new');
    expect(entityVersion).toBe(2);
    rig.directory = desk;
  });
});
