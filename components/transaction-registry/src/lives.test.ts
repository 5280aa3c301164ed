import { type TransactionEvent, transactionEvents, transactionStates } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor, broker, clearer, custodian, stranger, venue } from '../../consent-store/src/testing/firms.ts';
import { lifeCycles, nextSteps, stepsOf } from './life-cycles/index.ts';
import { approvalClaims } from './testing/approver.ts';
import {
  complianceOfficer,
  createLivesWorld,
  everything,
  firstOperator,
  type Kind,
  type LivesWorld,
  releaser,
  secondOperator,
  thirdOperator,
  token,
  trader,
} from './testing/lives-world.ts';

let world: LivesWorld;
beforeAll(async () => {
  world = await createLivesWorld();
});
afterAll(() => world.close());

const coded = (code: string, facts?: unknown) =>
  expect.objectContaining({ code, ...(facts === undefined ? {} : { facts: expect.objectContaining(facts) }) });
const stateOf = async (id: TransactionId) => (await world.registry.facts(id))?.state;
const cycles = Object.values(lifeCycles).map((cycle) => [cycle.name, cycle] as const);

describe('each life cycle', () => {
  it.each(cycles)('%s has only reachable states, and ends only where it says so', (_, cycle) => {
    const reached = new Set(['intended']);
    for (let size = 0; size < reached.size; ) {
      size = reached.size;
      for (const { rule } of stepsOf(cycle)) if (rule.from.some((state) => reached.has(state))) reached.add(rule.to);
    }
    // When a person abandons it, it ends as cancelled or failed.
    for (const state of Object.keys(cycle.states)) expect([...reached, 'failed']).toContain(state);
    for (const { rule } of stepsOf(cycle))
      for (const state of [...rule.from, rule.to]) expect(Object.keys(cycle.states)).toContain(state);
    for (const [state, { final }] of Object.entries(cycle.states)) {
      const known = transactionStates.find((each) => each === state);
      expect(known).toBeDefined();
      if (known !== undefined && final === true) expect(nextSteps(cycle, known)).toEqual([]);
    }
  });

  it.each(cycles)(
    '%s can be abandoned in every state: as cancelled, or as failed once something happened',
    (_, cycle) => {
      expect(cycle.states.cancelled).toMatchObject({ final: true });
      const underWay = Object.values(cycle.states).some(({ executed, final }) => executed === true && final !== true);
      if (underWay) expect(cycle.states.failed).toMatchObject({ final: true, executed: true });
    },
  );

  it.each(cycles)('%s waits only for possible events', (_, cycle) => {
    for (const [state, { awaits }] of Object.entries(cycle.states)) {
      const next = stepsOf(cycle).filter(({ rule }) => rule.from.some((from) => from === state));
      for (const event of awaits?.events ?? []) expect(next.map((step) => step.event)).toContain(event);
    }
  });

  it('uses every event and every state', () => {
    const all = Object.values(lifeCycles);
    expect(new Set(all.flatMap((cycle) => stepsOf(cycle).map(({ event }) => event)))).toEqual(
      new Set(transactionEvents),
    );
    expect(new Set(all.flatMap(({ states }) => Object.keys(states)))).toEqual(new Set(transactionStates));
  });
});

const quote = { quote_id: 'Q-7', price: { amount: '119.5', ccy: 'EUR' }, valid_until: '2026-06-15T11:00:00Z' };
type Step = readonly [event: TransactionEvent, institution: Lei, state: string, body?: Record<string, unknown>];
const courses: readonly (readonly [Kind, readonly Step[]])[] = [
  [
    'rfq',
    [
      ['request', broker, 'requested'],
      ['quote', clearer, 'quoted', quote],
      ['quote', custodian, 'quoted', quote],
      ['accept', broker, 'accepted', { quote_id: 'Q-7', counterparty_lei: custodian }],
    ],
  ],
  [
    'clearing_submission',
    [
      ['submit', broker, 'submitted'],
      ['acknowledge', clearer, 'acknowledged'],
      ['accept', venue, 'accepted'],
    ],
  ],
  [
    'settlement_instruction',
    [
      ['instruct', broker, 'instructed'],
      ['affirm', custodian, 'affirmed'],
      ['release', broker, 'released'],
      ['settle', custodian, 'settled', { amount: '95600' }],
    ],
  ],
  [
    'regulatory_report',
    [
      ['submit', broker, 'submitted'],
      ['reject', venue, 'rejected'],
      ['correct', broker, 'submitted'],
      ['accept', broker, 'accepted'],
    ],
  ],
];

describe('the course of a life cycle', () => {
  it.each(courses)('%s goes from its intent to its end, each step by the responsible party', async (kind, steps) => {
    const { id } = await world.begin(kind);
    for (const [event, institution, state, body] of steps) {
      await expect(world.step(id, event, { institution: stranger }, body)).rejects.toThrow(
        coded('transaction_not_found'),
      );
      expect(await world.step(id, event, { institution }, body)).toMatchObject({ event, state });
    }
    expect((await world.registry.history(id)).map(({ event }) => event)).toEqual(steps.map(([event]) => event));
    const recorded = world.recordsOf(id).filter(({ type }) => type === 'transaction.transitioned');
    expect(recorded).toHaveLength(steps.length);
  });

  it('an allocation is proposed by one person, approved by another, and given up', async () => {
    const { id } = await world.begin('allocation');
    await world.step(id, 'propose', { person: trader });
    await expect(world.step(id, 'approve', { person: trader })).rejects.toThrow(coded('duties_combined'));
    await expect(world.step(id, 'approve')).rejects.toThrow(coded('person_required'));
    await expect(world.step(id, 'approve', { person: releaser })).rejects.toThrow(coded('approval_role'));
    await world.step(id, 'approve', { person: firstOperator });
    await expect(world.step(id, 'give-up', { institution: clearer })).resolves.toMatchObject({ state: 'given-up' });
  });

  it('collateral is transferred after two approvals from operations, and not by the approvers', async () => {
    const collateral = await world.begin('collateral_transfer');
    const { id } = collateral;
    await world.step(id, 'pledge');
    await expect(world.step(id, 'approve')).rejects.toThrow(coded('approval_required'));
    await world.approve(collateral, firstOperator);
    await expect(world.step(id, 'approve')).rejects.toThrow(coded('approval_required'));
    await world.approve(collateral, secondOperator);
    await world.step(id, 'approve');
    await expect(world.step(id, 'transfer', { person: firstOperator })).rejects.toThrow(coded('duties_combined'));
    await world.step(id, 'transfer');
    await expect(world.step(id, 'recall')).resolves.toMatchObject({ state: 'returned' });
  });

  it('a control-plane change is applied by a person after two others have approved', async () => {
    const change = await world.begin('privileged_admin');
    await world.approve(change, firstOperator);
    await expect(world.step(change.id, 'apply', { person: trader })).rejects.toThrow(coded('approval_required'));
    await world.approve(change, secondOperator);
    await expect(world.step(change.id, 'apply')).rejects.toThrow(coded('person_required'));
    await expect(world.step(change.id, 'apply', { person: secondOperator })).rejects.toThrow(coded('duties_combined'));
    await expect(world.step(change.id, 'apply', { person: trader })).resolves.toMatchObject({ state: 'applied' });
  });
});

describe('a request for quotes', () => {
  it('is shown to the asked firms once they are asked, and not before', async () => {
    const { id } = await world.begin('rfq');
    expect(await world.registry.parties(id)).toEqual([broker]);
    await expect(world.step(id, 'quote', { institution: clearer }, quote)).rejects.toThrow(
      coded('transaction_not_found'),
    );
    await world.step(id, 'request');
    expect(new Set(await world.registry.parties(id))).toEqual(new Set([broker, clearer, custodian]));
  });

  it.each([
    ['a quote nobody gave', { quote_id: 'Q-8', counterparty_lei: clearer }, 'terms_exceeded'],
    ['the quote of one as that of another', { quote_id: 'Q-7', counterparty_lei: custodian }, 'terms_exceeded'],
    ['no quote', {}, 'transition_invalid'],
  ])('cannot be dealt on %s', async (_, body, code) => {
    const { id } = await world.begin('rfq');
    await world.step(id, 'request');
    await world.step(id, 'quote', { institution: clearer }, quote);
    await expect(world.step(id, 'accept', {}, body)).rejects.toThrow(coded(code));
  });

  it('can be dealt only within its limit and while the quote is valid', async () => {
    const { id } = await world.begin('rfq');
    await world.step(id, 'request');
    await world.step(id, 'quote', { institution: clearer }, { ...quote, price: { amount: '120.01', ccy: 'EUR' } });
    const accept = () => world.step(id, 'accept', {}, { quote_id: 'Q-7', counterparty_lei: clearer });
    await expect(accept()).rejects.toThrow(coded('terms_exceeded', { field: 'price' }));
    await world.step(id, 'quote', { institution: clearer }, { ...quote, valid_until: '2026-06-15T10:00:00Z' });
    await expect(accept()).rejects.toThrow(coded('intent_expired'));
    await world.step(id, 'quote', { institution: clearer }, quote);
    await expect(accept()).resolves.toMatchObject({ state: 'accepted' });
  });
});

describe('a settlement', () => {
  it('between two accounts of one firm is not affirmed by its initiator', async () => {
    const { id } = await world.begin('settlement_instruction', { receiver: { lei: broker, account: 'CASH-2' } });
    await world.step(id, 'instruct', { person: trader });
    await expect(world.step(id, 'affirm', { person: trader })).rejects.toThrow(coded('duties_combined'));
    await expect(world.step(id, 'affirm', { person: releaser })).resolves.toMatchObject({ state: 'affirmed' });
  });

  it('that a firm instructs for its client, to itself, is affirmed by the client', async () => {
    const { id } = await world.begin('settlement_instruction', {
      entity_lei: custodian,
      deliverer: { lei: custodian, account: 'CASH-9' },
      receiver: { lei: broker, account: 'CASH-2' },
    });
    await world.step(id, 'instruct', { person: trader });
    await expect(world.step(id, 'affirm', { person: releaser })).rejects.toThrow(coded('transition_not_permitted'));
    await expect(world.step(id, 'affirm', { institution: custodian })).resolves.toMatchObject({ state: 'affirmed' });
  });
});

describe('a withdrawal', () => {
  const withdraw = async (address_id: string, changes = {}) => world.begin('withdrawal', { address_id, ...changes });

  it('goes to an active address, approved by two people and released by a third', async () => {
    const withdrawal = await withdraw(await world.activeAddress());
    const { id } = withdrawal;
    await world.step(id, 'request', { person: trader });
    await expect(world.step(id, 'release', { person: releaser })).rejects.toThrow(coded('approval_required'));
    await world.approve(withdrawal, firstOperator, secondOperator);
    await expect(world.step(id, 'release', { person: trader })).rejects.toThrow(coded('duties_combined'));
    await expect(world.step(id, 'release', { person: secondOperator })).rejects.toThrow(coded('duties_combined'));
    await world.step(id, 'release', { person: releaser });
    await expect(world.step(id, 'confirm')).resolves.toMatchObject({ state: 'confirmed' });
  });

  it('knows whether something has arrived at its address before', async () => {
    const address = await world.activeAddress();
    const [first, second] = [await withdraw(address), await withdraw(address)];
    expect((await world.registry.facts(first.id))?.destinationKnown).toBe(false);
    await world.step(first.id, 'request');
    await world.approve(first, firstOperator, secondOperator);
    await world.step(first.id, 'release', { person: releaser });
    expect((await world.registry.facts(second.id))?.destinationKnown).toBe(false);
    await world.step(first.id, 'confirm');
    expect((await world.registry.facts(second.id))?.destinationKnown).toBe(true);
    await world.step(second.id, 'request');
    expect(world.policyEngine.asked.at(-1)).toMatchObject({ resource: { facts: { destinationKnown: true } } });
  });

  it('shows its approver the address itself, not only an id', async () => {
    const address = await world.activeAddress({ address: '0x52908400098527886E0F7030069857D2E4169EE7' });
    const { id } = await withdraw(address, { calldata_hash: undefined });
    const view = await world.registry.approvalView(id, broker);
    expect(view?.lines).toContainEqual({ label: 'Address', value: '0x52908400098527886E0F7030069857D2E4169EE7' });
    expect(view?.lines.map(({ label }) => label)).toContain('Beneficiary');
    expect(view?.warnings.map(({ code }) => code)).toEqual(['destination_new']);
    await world.step(address as TransactionId, 'revoke', { person: thirdOperator });
    expect((await world.registry.approvalView(id, broker))?.warnings).toContainEqual(
      expect.objectContaining({ code: 'destination_unknown' }),
    );
  });

  it('can be disapproved until it is released, however early somebody approved it', async () => {
    const withdrawal = await withdraw(await world.activeAddress());
    const { id } = withdrawal;
    const sign = (person: typeof firstOperator) =>
      world.keyOf(person).sign({ ...approvalClaims(person, withdrawal, world.clock.now()) });
    const early = await world.registry.approve(id, sign(firstOperator));
    await world.approve(withdrawal, secondOperator);
    await world.step(id, 'request', { person: trader });
    await expect(world.registry.withdrawApproval(id, early.id, actor(firstOperator))).resolves.toMatchObject({
      withdrawn: { at: expect.any(String) },
    });
    await expect(world.step(id, 'release', { person: releaser })).rejects.toThrow(coded('approval_required'));
    const again = await world.registry.approve(id, sign(thirdOperator));
    await world.step(id, 'release', { person: releaser });
    await expect(world.registry.withdrawApproval(id, again.id, actor(thirdOperator))).rejects.toThrow(
      coded('approval_used'),
    );
  });

  it('is refused to an address that is not in the book, not active, or for another asset or chain', async () => {
    const proposed = await world.begin('address_book_change');
    await world.step(proposed.id, 'propose');
    const other = await world.activeAddress({ chain_id: 'eip155:137' });
    const order = await world.begin('settlement_instruction');
    for (const address of ['ADDR-1', proposed.id, other, order.id, 'txn_00000000000000000000000000']) {
      const { id } = await withdraw(address);
      await expect(world.step(id, 'request')).rejects.toThrow(coded('destination_unknown'));
      expect(await stateOf(id)).toBe('intended');
    }
  });

  it('is refused when the address was revoked after the approval', async () => {
    const address = await world.activeAddress();
    const withdrawal = await withdraw(address);
    await world.step(withdrawal.id, 'request');
    await world.approve(withdrawal, firstOperator, secondOperator);
    await world.step(address as TransactionId, 'revoke', { person: thirdOperator });
    await expect(world.step(withdrawal.id, 'release', { person: releaser })).rejects.toThrow(
      coded('destination_unknown'),
    );
  });

  it('is refused when another address is stored than was approved, however it got there', async () => {
    const address = await world.activeAddress();
    const withdrawal = await withdraw(address);
    await world.step(withdrawal.id, 'request');
    await world.approve(withdrawal, firstOperator, secondOperator);
    const database = world.scratch.pool('transaction-registry', { maxConnections: 1 });
    await database.query('update transactions set intent_digest = $2 where id = $1', [address, 'S'.repeat(43)]);
    await expect(world.step(withdrawal.id, 'release', { person: releaser })).rejects.toThrow(
      coded('authority_unproven'),
    );
  });

  it('counts against the asset’s daily limit, and no longer once it is cancelled', async () => {
    const root = await world.grant();
    const address = await world.activeAddress({}, root);
    const [first, second] = await Promise.all(
      ['100', '51'].map((amount) => world.begin('withdrawal', { address_id: address, amount }, root)),
    );
    if (first === undefined || second === undefined) throw new Error('two withdrawals were begun');
    await world.step(first.id, 'request');
    expect(await world.used(`mandate:${root.id}`, 'mandate_asset_per_day')).toBe('100');
    await expect(world.step(second.id, 'request')).rejects.toThrow(
      coded('limit_exceeded', { limit: 'mandate_asset_per_day', unit: `dti ${token}`, headroom: '50' }),
    );
    await world.step(first.id, 'cancel');
    await expect(world.step(second.id, 'request')).resolves.toMatchObject({ state: 'requested' });
  });
});

describe('an address', () => {
  it('is approved by two people, and usable after its cooling-off', async () => {
    const own = await createLivesWorld();
    const address = await own.begin('address_book_change');
    await own.step(address.id, 'propose');
    await own.approve(address, firstOperator);
    await expect(own.step(address.id, 'approve', { person: releaser })).rejects.toThrow(coded('approval_required'));
    await own.approve(address, complianceOfficer);
    await own.step(address.id, 'approve', { person: releaser });
    await expect(own.step(address.id, 'activate', { person: releaser })).rejects.toThrow(coded('cooling_off'));
    own.clock.advance(24 * 3_600_000);
    await expect(own.step(address.id, 'activate', { person: trader })).rejects.toThrow(coded('duties_combined'));
    await expect(own.step(address.id, 'activate', { person: releaser })).resolves.toMatchObject({ state: 'active' });
    await own.close();
  });

  it('waits as long as the installation requires, whatever date is proposed', async () => {
    const own = await createLivesWorld();
    const patient = own.registryWith({ addressCoolingOffMs: 4 * 3_600_000 });
    for (const named of ['2020-01-01T00:00:00Z', new Date(own.clock.now()).toISOString()]) {
      const address = await own.begin('address_book_change', { cooling_off_until: named });
      await own.step(address.id, 'propose');
      // Cooling-off starts at the approval, from which others could notice the address.
      own.clock.advance(5 * 3_600_000);
      await own.approve(address, firstOperator, complianceOfficer);
      await own.step(address.id, 'approve', { person: releaser });
      own.clock.advance(3 * 3_600_000);
      const activate = () => own.step(address.id, 'activate', { person: releaser, on: patient });
      await expect(activate()).rejects.toThrow(coded('cooling_off'));
      own.clock.advance(3_600_000);
      await expect(activate()).resolves.toMatchObject({ state: 'active' });
    }
    await own.close();
  });

  it('waits a day by default', async () => {
    const own = await createLivesWorld();
    const usual = own.registryWith({ addressCoolingOffMs: undefined });
    const address = await own.begin('address_book_change', { cooling_off_until: '2020-01-01T00:00:00Z' });
    await own.step(address.id, 'propose');
    await own.approve(address, firstOperator, complianceOfficer);
    await own.step(address.id, 'approve', { person: releaser });
    own.clock.advance(24 * 3_600_000 - 1);
    await expect(own.step(address.id, 'activate', { person: releaser, on: usual })).rejects.toThrow(
      coded('cooling_off'),
    );
    await own.close();
  });
});

describe('the rolling limits of a mandate', () => {
  it('are not exceeded by deals or by movements, each counted separately', async () => {
    const limits = [{ measure: 'notional', windowSeconds: 3600, ccy: 'EUR', max: '100000' }];
    const notionalPerOrder = { amount: '100000', ccy: 'EUR' };
    const root = await world.grant({ constraints: { ...everything, notionalPerOrder, limits } });
    const settle = () => world.begin('settlement_instruction', {}, root);
    await world.step((await settle()).id, 'instruct');
    await expect(world.step((await settle()).id, 'instruct')).rejects.toThrow(
      coded('limit_exceeded', { limit: 'mandate_moved_PT3600S', mandate: root.id, headroom: '4400' }),
    );
    const dealt = await world.begin('rfq', { max_notional: { amount: '100000', ccy: 'EUR' } }, root);
    await world.step(dealt.id, 'request');
    await world.step(dealt.id, 'quote', { institution: clearer }, { ...quote, price: { amount: '99', ccy: 'EUR' } });
    await expect(
      world.step(dealt.id, 'accept', {}, { quote_id: 'Q-7', counterparty_lei: clearer }),
    ).resolves.toMatchObject({ state: 'accepted' });
  });
});

describe('an instruction', () => {
  it('is usable for one transaction, whatever becomes of it', async () => {
    const root = await world.grant({ kind: 'instruction' });
    const [first, second] = [
      await world.begin('settlement_instruction', {}, root),
      await world.begin('settlement_instruction', { sequence: 2 }, root),
    ];
    const attempts = await Promise.allSettled([first, second].map(({ id }) => world.step(id, 'instruct')));
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const attempt of attempts)
      if (attempt.status === 'rejected') expect(attempt.reason).toEqual(coded('mandate_instruction_used'));
    const [winner, loser] = attempts[0]?.status === 'fulfilled' ? [first, second] : [second, first];
    await world.step(winner.id, 'cancel');
    await expect(world.step(loser.id, 'instruct')).rejects.toThrow(coded('mandate_instruction_used'));
  });
});

describe('a venue that requires short codes', () => {
  it('gets no order of a person without a registered short code', async () => {
    const root = await world.grant();
    const wants = { mic: 'XETR', operator: venue, country: 'DE', shortCodes: 'required' };
    const snapshot = world.directory.snapshot();
    const withCodes = (known: boolean) =>
      world.registryWith({
        directory: {
          // The directory of the tests knows no venues; the rest of it is unchanged.
          snapshot: () => ({
            ...snapshot,
            venue: () => wants as unknown as ReturnType<typeof snapshot.venue>,
            shortCode: (_: string, holder: string) => (known && holder === trader.id ? 4711 : undefined),
          }),
        },
      });
    const { id } = await world.open(root);
    await expect(world.report(id, 'submit', { on: withCodes(false) })).rejects.toThrow(coded('short_code_unmapped'));
    await expect(world.report(id, 'submit', { on: withCodes(true) })).resolves.toMatchObject({ state: 'submitted' });
  });
});
