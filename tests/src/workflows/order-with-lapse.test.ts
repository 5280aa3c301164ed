import { verifyBundle } from '@countersign/evidence';
import type { MandateId } from '@countersign/kernel';
import { digestOfIntent, type TradeOrder } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { doors, leis } from '../testing/firms.ts';
import { otherBond } from '../testing/instruments.ts';
import { codeOf, refusalBy } from '../testing/refusal.ts';
import { claimsOf } from '../testing/trading.ts';
import type { Change } from './testing/intents.ts';
import { hours } from './testing/steered-clock.ts';
import { type Begun, mandateLine, openWorkflowWorld, type Who, type WorkflowWorld } from './testing/workflow-world.ts';

// An order above the trader's own limit: approved, submitted, executed, and then its mandate ends.

let world: WorkflowWorld;
let mandate: MandateId;
beforeAll(async () => {
  world = await openWorkflowWorld();
  ({ mandate } = await mandateLine(world));
});
afterAll(() => world?.stop());

const steps = {
  submit: ['brk-orders', 'order:create', {}],
  execute: ['ven-matching', 'trade:affirm', { executed_qty: '40000', price: { amount: '101.25', ccy: 'EUR' } }],
  clear: ['clr-core', 'settlement:instruct', { cleared_qty: '40000' }],
  settle: ['cus-core', 'settlement:release', { settled_qty: '40000' }],
} as const;

const step = (event: keyof typeof steps, transaction: string, change: Change = {}) => {
  const [by, scope, body] = steps[event];
  return world.step(by, event, transaction, { scope, body: { ...body, ...change } });
};

const ordered = (change: Change = {}, under = mandate, by: Who = 'trader'): Promise<Begun> =>
  world.begin(by, 'order:create settlement:instruct', world.intents.order(under, change));

const changed = ({ detail }: Begun, change: Change): TradeOrder => ({ ...detail, ...change }) as TradeOrder;

describe('the approval of a large order', () => {
  it('is refused from its initiator, whatever else they may approve', async () => {
    const own = await ordered({}, mandate, 'playingCoach');
    expect(await codeOf(() => world.approve('playingCoach', own))).toBe('approval_self');
    expect(await codeOf(() => step('submit', own.transaction))).toBe('approval_required');
    // They may approve somebody else's.
    const another = await ordered();
    await world.approve('playingCoach', another);
    expect(await step('submit', another.transaction)).toMatchObject({ state: 'submitted' });
  });

  it('cannot be given by the initiator’s software: the client that submits it proves nothing', async () => {
    const own = await ordered();
    expect(await codeOf(() => world.approve('trader', own))).toBe('approval_self');
    const [refused] = await world.recordsOf(own.transaction, 'approval.refused');
    expect(refused).toMatchObject({
      outcome: 'deny',
      reason: 'approval_self',
      subject: { id: world.person('trader').id },
    });
  });

  it.each([
    ['quantity', { max_qty: '39999' }],
    ['price', { limit_price: { amount: '101.24', ccy: 'EUR' } }],
    ['account', { account: 'NLAM-0043' }],
    ['side', { side: 'SELL' }],
    ['instrument', { instrument: { isin: otherBond.id, cfi: otherBond.cfi } }],
  ])('is invalid for the order with another %s', async (_, change) => {
    const order = await ordered();
    const other = changed(order, change);
    // Signed for the other, it does not count for this one.
    expect(await codeOf(() => world.approve('supervisor', { ...order, digest: digestOfIntent(other) }))).toBe(
      'approval_terms_changed',
    );
    await world.approve('supervisor', order);
    // Signed for this one, it cannot be used for the other: neither under the same key nor under a new one.
    expect(await codeOf(() => world.begin('trader', 'order:create', other))).toBe(
      'invalid_authorization_details idempotency_conflict',
    );
    const anew = await world.begin('trader', 'order:create settlement:instruct', {
      ...other,
      idempotency_key: `${other.idempotency_key}-2`,
    });
    expect(await codeOf(() => step('submit', anew.transaction))).toBe('approval_required');
  });

  it('covers what is submitted: a broker with another order is told so, and a person has to review it', async () => {
    const order = await ordered();
    await world.approve('supervisor', order);
    const theirs = digestOfIntent(changed(order, { max_qty: '400000' }));
    expect(await codeOf(() => step('submit', order.transaction, { intent_digest: theirs }))).toBe('partner_mismatch');
    // Corrected or not, nothing continues before.
    expect(await codeOf(() => step('submit', order.transaction))).toBe('exception_open partner_mismatch');
  });

  it.each([
    ['more', { executed_qty: '40001' }, 'executed_qty'],
    ['dearer', { price: { amount: '101.26', ccy: 'EUR' } }, 'price'],
  ])('binds the venue: what was executed is not %s', async (_, change, field) => {
    const order = await ordered();
    await world.approve('supervisor', order);
    await step('submit', order.transaction);
    const refusal = await refusalBy(() => step('execute', order.transaction, change));
    expect(refusal).toMatchObject({ code: 'terms_exceeded', facts: { field } });
  });
});

describe('a token for an order', () => {
  const broker = () => world.software('brk-orders');

  it('is accepted by its own interface, and by no other', async () => {
    const { token, client, transaction } = await ordered();
    // The operator of the interface can introspect it; others cannot.
    expect(await broker().introspect(token.accessToken)).toMatchObject({ aud: doors.broker, txn: transaction });
    expect(await world.software('clr-core').introspect(token.accessToken)).toBeUndefined();
    expect(await world.software('cus-core').introspect(token.accessToken)).toBeUndefined();
    // Nor is it accepted by the control plane itself.
    const reading = { method: 'GET' as const, url: `${world.issuer}/transactions/${transaction}` };
    expect(await client.call(token, reading)).toMatchObject({ status: 401, body: { code: 'token_audience' } });
    // Another recipient cannot exchange it for themselves.
    const towards = { resource: doors.custodian, scope: 'settlement:instruct' };
    expect(await codeOf(() => world.software('clr-core').exchange(token.accessToken, towards))).toBe(
      'invalid_request token_audience',
    );
  });

  it('is for one interface after an exchange too, and not for the previous one', async () => {
    const { token, detail, transaction } = await ordered();
    const exchanged = await broker().exchange(token.accessToken, {
      resource: doors.clearing,
      scope: 'settlement:instruct',
      authorizationDetails: [{ ...detail, actions: ['clear', 'settle'], locations: [doors.clearing] }],
    });
    expect(await world.software('clr-core').introspect(exchanged.accessToken)).toMatchObject({ txn: transaction });
    expect(await broker().introspect(exchanged.accessToken)).toBeUndefined();
    // The custodian was left out on the way: nobody can add it again.
    const on = { resource: doors.custodian, scope: 'settlement:instruct' };
    expect(await codeOf(() => world.software('clr-core').exchange(exchanged.accessToken, on))).toBe(
      'invalid_authorization_details details_location',
    );
  });

  it('does not outlive its mandate', async () => {
    const until = Math.ceil(world.clock.now() / 1000) * 1000 + 100_000;
    const short = await mandateLine(world, until);
    const order = await ordered({}, short.mandate);
    expect(claimsOf(order.token)['exp']).toBe(until / 1000);
    await world.approve('supervisor', order);
    expect(await broker().introspect(order.token.accessToken)).toBeDefined();

    await world.pass(101);
    expect(await broker().introspect(order.token.accessToken)).toBeUndefined();
    const towards = { resource: doors.clearing, scope: 'settlement:instruct' };
    expect(await codeOf(() => broker().exchange(order.token.accessToken, towards))).toBe(
      'invalid_request token_expired',
    );
    expect(await codeOf(() => world.begin('trader', 'order:create', order.detail))).toBe(
      'access_denied mandate_expired',
    );
    const refusal = await refusalBy(() => step('submit', order.transaction));
    expect(refusal).toMatchObject({ code: 'mandate_lapsed', facts: { reason: 'mandate_expired' } });
    // Nothing has happened yet, so a refusal is enough.
    expect(await world.exceptions('complianceOfficer', order.transaction)).toEqual([]);
  });

  it('ends with the revocation of its mandate, before its own expiry', async () => {
    const own = await mandateLine(world);
    const { token } = await ordered({}, own.mandate);
    await world.mandates.revoke(own.mandate, 'assetManager');
    await vi.waitFor(async () => expect(await broker().introspect(token.accessToken)).toBeUndefined(), 60_000);
  });
});

describe('a mandate that ends between execution and clearing', () => {
  let order: Begun;
  let exception: string;
  let fresh: Awaited<ReturnType<typeof mandateLine>>;

  beforeAll(async () => {
    const ending = await mandateLine(world, world.clock.now() + hours(2) * 1000);
    order = await ordered({}, ending.mandate);
    await world.approve('supervisor', order);
    await step('submit', order.transaction);
    await step('execute', order.transaction);
    await world.pass(hours(2));
  });

  it('stops the order with an exception that every party sees', async () => {
    const refusal = await refusalBy(() => step('clear', order.transaction));
    expect(refusal).toMatchObject({ code: 'mandate_lapsed', facts: { reason: 'mandate_expired' } });
    exception = String(refusal.facts?.['exception']);
    const parties: readonly Who[] = ['complianceOfficer', 'brokersCompliance', 'clr-core', 'cus-core'];
    for (const party of parties)
      expect(await world.exceptions(party, order.transaction)).toEqual([
        expect.objectContaining({
          id: exception,
          cause: 'mandate',
          event: 'clear',
          reason: 'mandate_expired',
          status: 'open',
          owner: leis.arranger,
          overdue: false,
        }),
      ]);
  });

  it('is not resolved by a repeated request: there is one exception, and the order keeps its state', async () => {
    for (let again = 0; again < 3; again += 1) {
      const refusal = await refusalBy(() => step('clear', order.transaction));
      expect(refusal).toMatchObject({ code: 'mandate_lapsed', facts: { exception } });
    }
    expect(await world.recordsOf(order.transaction, 'exception.raised')).toHaveLength(1);
  });

  it('is not resolved by waiting: the exception becomes overdue, which is reported once', async () => {
    await world.pass(hours(4));
    const said = () => world.recordsOf(order.transaction, 'exception.overdue');
    await vi.waitFor(async () => expect(await said()).toHaveLength(1), 60_000);
    expect(await world.exceptions('complianceOfficer', order.transaction)).toEqual([
      expect.objectContaining({ id: exception, status: 'open', overdue: true }),
    ]);
    expect(await codeOf(() => step('clear', order.transaction))).toBe('mandate_lapsed mandate_expired');
    expect(await said()).toHaveLength(1);
  });

  it('is not resolved by a fresh mandate that nobody has substituted', async () => {
    fresh = await mandateLine(world);
    expect(await codeOf(() => step('clear', order.transaction))).toBe('mandate_lapsed mandate_expired');
  });

  const resolution = () => ({ kind: 'fresh-mandate', reason: 'Renewed agreement', mandate: fresh.mandate });

  it.each([
    ['the initiator', 'trader', 'exception_authority'],
    ['the approver', 'supervisor', 'exception_authority'],
    ['somebody without a controlling role', 'colleague', 'exception_authority'],
    ['compliance of another firm', 'brokersCompliance', 'exception_authority'],
  ] as const)('is not resolved by %s, and the attempt is in the log', async (_, by, code) => {
    expect(await codeOf(() => world.resolve(by, exception, resolution()))).toBe(code);
    const refused = await world.recordsOf(order.transaction, 'exception.refused');
    expect(refused.at(-1)).toMatchObject({ outcome: 'deny', reason: code });
    expect(await codeOf(() => step('clear', order.transaction))).toBe('mandate_lapsed mandate_expired');
  });

  it('is not resolved by software alone: it gets no token for that', async () => {
    expect(await codeOf(() => world.resolve('ha-control', exception, resolution()))).toBe(
      'access_denied person_needed',
    );
  });

  it('is not resolved by a mere claim, nor by a mandate that does not permit this order', async () => {
    const resolve = (change: Change) => () =>
      world.resolve('complianceOfficer', exception, { reason: 'Renewed agreement', ...change });
    expect(await codeOf(resolve({ kind: 'restored' }))).toBe('exception_not_healed mandate_expired');
    expect(await codeOf(resolve({ kind: 'accepted' }))).toBe('exception_resolution_invalid');
    const narrower = await world.mandates.grant({
      from: 'assetManager',
      to: 'arranger',
      constraints: { notionalPerOrder: { amount: '4049999', ccy: 'EUR' } },
    });
    expect(await codeOf(resolve({ kind: 'fresh-mandate', mandate: narrower }))).toBe('mandate_lapsed mandate_notional');
    // Wide enough, but without the clearing firm.
    const withoutClearing = await world.mandates.grant({ from: 'assetManager', to: 'arranger' });
    expect(await codeOf(resolve({ kind: 'fresh-mandate', mandate: withoutClearing }))).toBe(
      'mandate_lapsed mandate_grantee',
    );
    expect(await codeOf(resolve({ kind: 'fresh-mandate', mandate: order.detail.mandate_id }))).toBe(
      'mandate_lapsed mandate_expired',
    );
  });

  it('is resolved by compliance with a fresh mandate, once, and the order continues to its end', async () => {
    const resolved = await world.resolve('complianceOfficer', exception, resolution());
    expect(resolved).toMatchObject({
      status: 'resolved',
      resolution: { kind: 'fresh-mandate', by: world.person('complianceOfficer').id, mandate: { id: fresh.mandate } },
    });
    // Repeating it gives the same answer; another resolution comes too late.
    expect(await world.resolve('complianceOfficer', exception, resolution())).toEqual(resolved);
    const other = { kind: 'abandoned', reason: 'Changed our mind' };
    expect(await codeOf(() => world.resolve('complianceOfficer', exception, other))).toBe('exception_resolved');
    expect(await step('clear', order.transaction)).toMatchObject({ state: 'cleared' });
    expect(await step('settle', order.transaction)).toMatchObject({ state: 'settled' });
  });

  it('is proven from beginning to end by the evidence, offline', async () => {
    const path = `/evidence/transactions/${order.transaction}`;
    const bundle = await world.controlPlane.operator.call('evidence', 'audit:export', { method: 'GET', path });
    const verified = verifyBundle(bundle);
    expect(verified.steps.filter(({ ok }) => !ok)).toEqual([]);
    const records = await world.recordsOf(order.transaction);
    const told = records
      .filter(({ type }) =>
        /^(transaction\.transitioned|exception\.(raised|overdue|resolved)|approval\.given)$/.test(type),
      )
      .map(({ type, data }) => `${type} ${(data as { event?: string }).event ?? ''}`.trim());
    expect(told).toEqual([
      'approval.given',
      'transaction.transitioned submit',
      'transaction.transitioned execute',
      'exception.raised clear',
      'exception.overdue clear',
      'exception.resolved clear',
      'transaction.transitioned clear',
      'transaction.transitioned settle',
    ]);
    // One intent, one digest, under whichever mandate.
    expect(new Set(records.flatMap(({ intent }) => intent ?? []))).toEqual(new Set([order.digest]));
  });
});
