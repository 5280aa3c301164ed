import { digestOf, newId, toInstant } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor, broker, clearer, stranger } from '../../consent-store/src/testing/firms.ts';
import {
  type ApprovingWorld,
  createApprovingWorld,
  deskHead,
  type Kind,
  olga,
  rita,
} from './testing/approving-world.ts';
import { supervisor, trader } from './testing/trading-world.ts';

let world: ApprovingWorld;
beforeAll(async () => {
  world = await createApprovingWorld();
});
afterAll(() => world.close());

async function viewOf(...begun: Parameters<typeof world.begin>) {
  const { id } = await world.begin(...begun);
  return shown(id);
}
async function shown(id: Parameters<typeof world.registry.approvalView>[0]) {
  const view = await world.registry.approvalView(id, broker);
  if (view === undefined) throw new Error('nothing is shown');
  return view;
}
const codes = (view: { readonly warnings: readonly { readonly code: string }[] }) =>
  view.warnings.map(({ code }) => code);

describe('what an approver sees', () => {
  it('is every field of the signed intent and the parties to it', async () => {
    const withdrawal = await world.begin('withdrawal');
    const view = await shown(withdrawal.id);
    expect(view).toMatchObject({
      transaction: withdrawal.id,
      intentDigest: withdrawal.intentDigest,
      state: 'intended',
      initiator: trader.id,
      initiatorInstitution: broker,
      approvals: [],
    });
    const facts = await world.registry.facts(withdrawal.id);
    // The displayed digest is computed from the intent alone.
    expect(digestOf(facts?.intent)).toBe(view.intentDigest);
    const text = JSON.stringify(view.lines);
    for (const value of ['ADDR-1', '12.5', '0.01', 'eip155:1', 'mainnet', world.root.id, broker, 'X9J9K872S'])
      expect(text).toContain(value);
  });

  it('leaves out the step and the place for which a token was requested: they are not signed', async () => {
    const one = await viewOf('withdrawal', { actions: ['request'], locations: ['https://one.example/'] });
    expect(JSON.stringify(one)).not.toContain('one.example');
    expect(one.lines.map(({ label }) => label)).not.toContain('Actions');
  });

  it.each([
    'trade_order',
    'rfq',
    'allocation',
    'clearing_submission',
    'settlement_instruction',
    'collateral_transfer',
    'address_book_change',
    'withdrawal',
    'regulatory_report',
    'privileged_admin',
  ] as const satisfies readonly Kind[])('exists for a %s, and differs when a field differs', async (kind) => {
    const [one, other] = [await viewOf(kind), await viewOf(kind, { jurisdiction: 'FR' })];
    expect(one.title).not.toBe('');
    expect(one.lines).not.toEqual(other.lines);
  });

  it('is shown to approvers; to counterparties and others it does not exist', async () => {
    const { transaction } = await world.reach('submit');
    expect(await world.registry.parties(transaction.id)).toContain(clearer);
    expect(await world.registry.approvalView(transaction.id, broker)).toMatchObject({ transaction: transaction.id });
    for (const other of [clearer, stranger])
      expect(await world.registry.approvalView(transaction.id, other)).toBeUndefined();
    expect(await world.registry.approvalView(newId('transaction', world), broker)).toBeUndefined();
  });
});

describe('the outstanding approvals', () => {
  it('are those that the step itself requires, less those given', async () => {
    const change = await world.begin('privileged_admin');
    expect((await shown(change.id)).awaited).toEqual([{ role: 'operations', count: 2, institution: broker }]);
    await world.approve(olga, change);
    expect(await shown(change.id)).toMatchObject({
      awaited: [{ role: 'operations', count: 1, institution: broker }],
      approvals: [{ approver: olga.id, role: 'operations', institution: broker }],
    });
  });

  it('are those that the policies and the mandates require', async () => {
    const mandate = await world.grant({ approvals: [{ role: 'risk', count: 1 }] });
    const order = await world.open(mandate, { max_notional: { amount: '1500000', ccy: 'EUR' } });
    const wanted = ['risk', 'supervisor'].map((role) => ({ role, count: 1, institution: broker }));
    expect((await shown(order.id)).awaited).toEqual(wanted);
    await world.approve(rita, order);
    await world.approve(supervisor, order);
    expect((await shown(order.id)).awaited).toEqual([]);
  });

  it('may be given by the escalation role after its waiting time, and not before', async () => {
    const own = await createApprovingWorld();
    const order = await own.open(own.root, { max_notional: { amount: '1500000', ccy: 'EUR' } });
    const view = () => own.registry.approvalView(order.id, broker);
    const waits = async () => (await own.registry.waitingFor(deskHead.id, [order.intentDigest])).waiting;
    expect(await view()).toMatchObject({
      awaited: [{ role: 'supervisor', count: 1, institution: broker }],
      escalation: [
        {
          role: 'desk-head',
          inPlaceOf: 'supervisor',
          institution: broker,
          from: toInstant(own.clock.now() + 1_800_000),
        },
      ],
    });
    own.clock.advance(1_799_999);
    expect(await waits()).toEqual([]);
    own.clock.advance(1);
    expect(await waits()).toMatchObject([{ roles: ['desk-head'] }]);
    await own.approve(deskHead, order);
    expect(await view()).toMatchObject({ awaited: [], escalation: [], approvals: [{ role: 'desk-head' }] });
    await own.close();
  });

  it('do not escalate when a mandate requires the same approval', async () => {
    const mandate = await world.grant({ approvals: [{ role: 'supervisor', count: 1 }] });
    const order = await world.open(mandate, { max_notional: { amount: '1500000', ccy: 'EUR' } });
    expect(await shown(order.id)).toMatchObject({ awaited: [{ role: 'supervisor', count: 1 }], escalation: [] });
  });

  it('are empty once the transaction cannot be continued', async () => {
    const change = await world.begin('privileged_admin');
    await world.step(change.id, 'cancel', actor(trader));
    expect(await shown(change.id)).toMatchObject({ state: 'cancelled', awaited: [] });
  });
});

describe('a point to check', () => {
  it.each<readonly [Kind, Readonly<Record<string, unknown>>, readonly string[]]>([
    ['trade_order', { algo: undefined }, []],
    ['trade_order', {}, ['algorithmic']],
    ['trade_order', { algo: undefined, limit_price: undefined }, ['no_limit_price']],
    ['settlement_instruction', {}, ['destination_unknown']],
    ['settlement_instruction', { dvp: false }, ['destination_unknown', 'free_of_payment']],
    ['withdrawal', {}, ['destination_new', 'destination_unknown', 'call_data']],
    ['withdrawal', { calldata_hash: undefined }, ['destination_new', 'destination_unknown']],
    ['address_book_change', { cooling_off_until: '2026-06-16T10:00:00Z' }, []],
    ['address_book_change', { cooling_off_until: '2026-06-16T09:59:59Z' }, ['cooling_off_short']],
    ['address_book_change', { cooling_off_until: '2026-06-14T10:00:00Z' }, ['cooling_off_short']],
    ['privileged_admin', {}, []],
    ['privileged_admin', { after_hash: undefined }, ['removal']],
    ['allocation', { not_after: '2026-06-15T10:10:00Z' }, ['intent_expires_soon']],
  ])('in a %s with %j is %j', async (kind, changes, warnings) => {
    expect(codes(await viewOf(kind, changes))).toEqual(warnings);
  });

  it('is that the initiator has left', async () => {
    expect(codes(await viewOf('allocation', {}, { id: 'person:gone', institution: broker }))).toEqual([
      'initiator_gone',
    ]);
  });
});
