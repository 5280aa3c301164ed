import type { TransactionException } from '@countersign/contracts';
import { digestOf, type TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  actor,
  broker,
  brokerSignatory,
  clearer,
  custodian,
  fundSignatory,
  venue,
} from '../../consent-store/src/testing/firms.ts';
import {
  createLivesWorld,
  firstOperator,
  type LivesWorld,
  releaser,
  riskOfficer,
  secondOperator,
  supervisor,
  trader,
} from './testing/lives-world.ts';
import { foreignSupervisor, goodBody } from './testing/trading-world.ts';

let world: LivesWorld;
beforeAll(async () => {
  world = await createLivesWorld();
});
afterAll(() => world.close());

const coded = (code: string, facts?: unknown) =>
  expect.objectContaining({ code, ...(facts === undefined ? {} : { facts: expect.objectContaining(facts) }) });
const stateOf = async (id: TransactionId) => (await world.registry.facts(id))?.state;
const recordsOf = (id: TransactionId, type: string) => world.recordsOf(id).filter((record) => record.type === type);
const because = 'Looked into';

async function theException(id: TransactionId): Promise<TransactionException> {
  const [exception, ...others] = await world.registry.exceptions({ transaction: id, status: 'open' });
  if (exception === undefined || others.length > 0) throw new Error('one exception was expected to stand open');
  return exception;
}
const resolve = (exception: TransactionException, kind: string, by = riskOfficer, more: { mandate?: string } = {}) =>
  world.registry.resolveException(exception.id, { kind, reason: because, ...more }, actor(by));

/** An executed order whose mandate was then revoked; clearing it raised an exception. */
async function lapsed() {
  const order = await world.reach('submit', 'execute');
  await world.consentStore.revoke(order.root.id, actor(fundSignatory), 'End of relationship');
  await expect(world.report(order.transaction.id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
  return { ...order, id: order.transaction.id, exception: await theException(order.transaction.id) };
}

describe('a mandate that lapsed after execution', () => {
  it('leaves an exception with an owner and a due time', async () => {
    const { exception } = await lapsed();
    expect(exception).toMatchObject({
      cause: 'mandate',
      event: 'clear',
      reason: 'mandate_revoked',
      owner: broker,
      status: 'open',
      overdue: false,
      raisedAt: '2026-06-15T10:00:00.000Z',
      dueAt: '2026-06-15T14:00:00.000Z',
    });
  });

  it('is resolved by a fresh mandate for the same intent, under which the trade is settled', async () => {
    const { id, exception, transaction } = await lapsed();
    const fresh = await world.mandates();
    const resolved = await resolve(exception, 'fresh-mandate', riskOfficer, { mandate: fresh.root.id });
    expect(resolved).toMatchObject({
      status: 'resolved',
      resolution: { kind: 'fresh-mandate', by: riskOfficer.id, mandate: { id: fresh.root.id, version: 2 } },
    });
    expect(recordsOf(id, 'exception.resolved')).toMatchObject([
      {
        id: resolved.resolution?.recordId,
        mandate: { id: fresh.root.id },
        references: expect.arrayContaining([exception.recordId, fresh.root.recordId]),
      },
    ]);
    await world.report(id, 'clear');
    await expect(world.report(id, 'settle')).resolves.toMatchObject({ state: 'settled' });
    expect(await world.registry.facts(id)).toMatchObject({
      mandate: { id: fresh.root.id },
      intentDigest: transaction.intentDigest,
    });
    expect(recordsOf(id, 'transaction.transitioned').at(-1)).toMatchObject({ mandate: { id: fresh.root.id } });
  });

  it('is not resolved by a mandate that does not permit the intent', async () => {
    const { id, exception } = await lapsed();
    const other = await world.grant({ constraints: { ...(await world.grant()).constraints, venues: ['XPAR'] } });
    for (const [mandate, reason] of [
      [other.id, 'mandate_venue'],
      ['mnd_00000000000000000000000000', 'mandate_not_found'],
    ] as const)
      await expect(resolve(exception, 'fresh-mandate', riskOfficer, { mandate })).rejects.toThrow(
        coded('mandate_lapsed', { reason }),
      );
    expect(recordsOf(id, 'exception.refused')).toMatchObject([
      { reason: 'mandate_lapsed' },
      { reason: 'mandate_lapsed' },
    ]);
    expect((await theException(id)).status).toBe('open');
  });

  it('is restored only when the check confirms it', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    await world.consentStore.suspend(root.id, actor(fundSignatory), 'Review');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
    const exception = await theException(transaction.id);
    await expect(resolve(exception, 'restored')).rejects.toThrow(
      coded('exception_not_healed', { reason: 'mandate_suspended' }),
    );
    await world.consentStore.resume(root.id, actor(fundSignatory), 'Done');
    await resolve(exception, 'restored');
    await expect(world.report(transaction.id, 'clear')).resolves.toMatchObject({ state: 'cleared' });
  });

  it('is abandoned: the transaction fails but keeps counting, since it was executed', async () => {
    const { id, exception, root } = await lapsed();
    await resolve(exception, 'abandoned');
    expect(await stateOf(id)).toBe('failed');
    expect(await world.used(`mandate:${root.id}`)).toBe('120000');
    expect((await world.registry.history(id)).at(-1)).toMatchObject({ event: 'fail', state: 'failed', version: 3 });
    await expect(world.report(id, 'clear')).rejects.toThrow(coded('transition_out_of_order'));
  });

  it('belongs to the party whose authority lapsed', async () => {
    const { transaction, clearing } = await world.reach('submit', 'execute');
    await world.consentStore.revoke(clearing.id, actor(brokerSignatory), 'Other clearing firm');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
    const exception = await theException(transaction.id);
    expect(exception.owner).toBe(clearer);
    await expect(resolve(exception, 'abandoned')).rejects.toThrow(coded('exception_authority'));
    await resolve(exception, 'abandoned', foreignSupervisor);
    expect(await stateOf(transaction.id)).toBe('failed');
  });
});

describe('resolving an exception', () => {
  it('is for a control function of the owner that had no part in the transaction', async () => {
    const { id, exception } = await lapsed();
    const robot = { id: 'service:oms', institution: broker };
    for (const by of [trader, releaser, foreignSupervisor])
      await expect(resolve(exception, 'abandoned', by)).rejects.toThrow(coded('exception_authority'));
    await expect(
      world.registry.resolveException(exception.id, { kind: 'abandoned', reason: because }, robot),
    ).rejects.toThrow(coded('exception_authority'));
    expect(recordsOf(id, 'exception.refused').map(({ reason }) => reason)).toEqual(
      Array.from({ length: 4 }, () => 'exception_authority'),
    );
  });

  it('is refused to its approver', async () => {
    const { root } = await world.mandates();
    const order = await world.open(root, { max_notional: { amount: '1500000', ccy: 'EUR' } });
    await world.approve(order, supervisor);
    await world.report(order.id, 'submit');
    await world.report(order.id, 'execute');
    await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    await expect(world.report(order.id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
    await expect(resolve(await theException(order.id), 'abandoned', supervisor)).rejects.toThrow(
      coded('exception_authority'),
    );
  });

  it('happens once, however many ask at once, and a repeated request gets the same answer', async () => {
    const { id, exception } = await lapsed();
    const answers = await Promise.all(Array.from({ length: 10 }, () => resolve(exception, 'abandoned')));
    expect(new Set(answers.map(({ resolution }) => resolution?.recordId)).size).toBe(1);
    expect(recordsOf(id, 'exception.resolved')).toHaveLength(1);
    await expect(resolve(exception, 'abandoned', firstOperator)).rejects.toThrow(coded('exception_resolved'));
    await expect(resolve(exception, 'restored')).rejects.toThrow(coded('exception_resolved'));
    expect(recordsOf(id, 'exception.refused')).toMatchObject([
      {
        reason: 'exception_resolved',
        subject: { id: firstOperator.id },
        references: [expect.any(String), exception.recordId],
      },
      { reason: 'exception_resolved', subject: { id: riskOfficer.id } },
    ]);
  });

  it('names everybody in the acting chain of the request, refused or not', async () => {
    const { id, exception } = await lapsed();
    const by = { ...actor(riskOfficer), through: ['service:console'] };
    const ask = (kind: string) => world.registry.resolveException(exception.id, { kind, reason: because }, by);
    await expect(ask('accepted')).rejects.toThrow(coded('exception_resolution_invalid'));
    await ask('abandoned');
    for (const type of ['exception.refused', 'exception.resolved'] as const)
      expect(recordsOf(id, type)).toMatchObject([{ subject: actor(riskOfficer), actors: [{ id: 'service:console' }] }]);
  });

  it('is refused to anybody through whom somebody else had a part in it', async () => {
    const { id, exception } = await lapsed();
    const resolveThrough = (through: string) =>
      world.registry.resolveException(
        exception.id,
        { kind: 'abandoned', reason: because },
        { ...actor(riskOfficer), through: [through] },
      );
    // The initiator, and the reporter of its steps.
    for (const hand of [trader.id, 'service:reporter'])
      await expect(resolveThrough(hand)).rejects.toThrow(coded('exception_authority'));
    expect(recordsOf(id, 'exception.refused')).toHaveLength(2);
    await resolveThrough('service:console');
  });

  it('is refused to anybody in the acting chain of the step that raised it', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    await expect(
      world.registry.transition({
        transaction: transaction.id,
        event: 'clear',
        idempotencyKey: world.next('clear'),
        body: goodBody.clear,
        by: { id: 'service:reporter', institution: clearer, client: 'reporter' },
        actors: [riskOfficer.id],
      }),
    ).rejects.toThrow(coded('mandate_lapsed'));
    await expect(resolve(await theException(transaction.id), 'abandoned')).rejects.toThrow(
      coded('exception_authority'),
    );
    await resolve(await theException(transaction.id), 'abandoned', firstOperator);
  });

  it.each([
    ['by what there is not', { kind: 'ignored', reason: because }],
    ['by what does not suit its cause', { kind: 'accepted', reason: because }],
    ['without a reason', { kind: 'restored', reason: '' }],
    ['with a mandate beside another resolution', { kind: 'restored', reason: because, mandate: 'mnd_1' }],
    ['by a fresh mandate that is not named', { kind: 'fresh-mandate', reason: because }],
    ['by what is no mandate', { kind: 'fresh-mandate', reason: because, mandate: 'txn_1' }],
  ])('is refused %s', async (_, resolution) => {
    const { exception } = await lapsed();
    await expect(world.registry.resolveException(exception.id, resolution, actor(riskOfficer))).rejects.toThrow(
      coded('exception_resolution_invalid'),
    );
  });

  it('changes nothing when it cannot be recorded', async () => {
    const { id, exception } = await lapsed();
    world.audit.breakDown('writing');
    await expect(resolve(exception, 'abandoned')).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    expect(await stateOf(id)).toBe('executed');
    expect((await theException(id)).id).toBe(exception.id);
  });

  it('does not reveal the exception to those who are not parties', async () => {
    const { exception } = await lapsed();
    const outsider = { ...riskOfficer, institution: '529900STRANGER00000' };
    await expect(
      world.registry.resolveException(exception.id, { kind: 'abandoned', reason: because }, actor(outsider as never)),
    ).rejects.toThrow(coded('exception_not_found'));
  });
});

describe('an entitlement lost after execution', () => {
  it('is an exception until the policies permit again and somebody has confirmed it', async () => {
    const { transaction } = await world.reach('submit', 'execute');
    world.policyEngine.forbid(true);
    const refused = expect(world.report(transaction.id, 'clear')).rejects;
    await refused.toThrow(coded('transition_not_permitted', { exception: expect.stringMatching(/^exc_/) }));
    const exception = await theException(transaction.id);
    expect(exception).toMatchObject({ cause: 'entitlement', owner: broker });
    await expect(resolve(exception, 'restored')).rejects.toThrow(coded('exception_not_healed'));
    world.policyEngine.forbid(false);
    await resolve(exception, 'restored');
    await expect(world.report(transaction.id, 'clear')).resolves.toMatchObject({ state: 'cleared' });
  });
});

describe('a partner’s contradicting report', () => {
  it('is neither believed nor ignored: it raises an exception', async () => {
    const { transaction } = await world.reach('submit');
    const body = { ...goodBody.execute, intent_digest: digestOf('another intent') };
    const attempt = () => world.report(transaction.id, 'execute', { body });
    await expect(attempt()).rejects.toThrow(coded('partner_mismatch', { field: 'intent_digest' }));
    await expect(attempt()).rejects.toThrow(coded('partner_mismatch'));
    const exception = await theException(transaction.id);
    expect(exception).toMatchObject({ cause: 'mismatch', owner: broker, event: 'execute' });
    // A corrected report alone is not enough: somebody has to review the exception.
    await expect(world.report(transaction.id, 'execute')).rejects.toThrow(coded('exception_open'));
    await expect(resolve(exception, 'restored')).rejects.toThrow(coded('exception_resolution_invalid'));
    await resolve(exception, 'accepted');
    await expect(world.report(transaction.id, 'execute', { body: { ...body, reference: 'X' } })).rejects.toThrow(
      coded('partner_mismatch'),
    );
    await resolve(await theException(transaction.id), 'abandoned');
    expect(await stateOf(transaction.id)).toBe('cancelled');
  });

  it('is accepted in the wording that was reviewed, and no other', async () => {
    const { id } = await world.begin('settlement_instruction');
    await world.step(id, 'instruct');
    const affirm = (state: string) => world.step(id, 'affirm', { institution: custodian }, { state });
    await expect(affirm('released')).rejects.toThrow(coded('partner_mismatch', { field: 'state' }));
    await resolve(await theException(id), 'accepted');
    await expect(affirm('released')).resolves.toMatchObject({ state: 'affirmed' });
  });

  it('continues when the report agrees', async () => {
    const { transaction } = await world.reach('submit');
    const body = { ...goodBody.execute, intent_digest: transaction.intentDigest, state: 'submitted' };
    await expect(world.report(transaction.id, 'execute', { body })).resolves.toMatchObject({ state: 'executed' });
  });

  it('with another amount than was released raises an exception', async () => {
    const { id } = await world.begin('settlement_instruction');
    await world.step(id, 'instruct');
    await world.step(id, 'affirm', { institution: custodian });
    await world.step(id, 'release');
    await expect(world.step(id, 'settle', { institution: custodian }, { amount: '95601' })).rejects.toThrow(
      coded('partner_mismatch', { field: 'amount' }),
    );
    expect(await stateOf(id)).toBe('released');
  });
});

describe('a late partner', () => {
  it('is reported once, however many nodes look', async () => {
    const own = await createLivesWorld();
    const { transaction } = await own.reach('submit');
    const nodes = [own.registry, own.registryWith(), own.registryWith()];
    expect(await own.registry.sweep()).toEqual({ timeouts: 0, overdue: 0 });
    own.clock.advance(15 * 60_000 + 1);
    const swept = await Promise.all(nodes.map((node) => node.sweep()));
    expect(swept.reduce((sum, { timeouts }) => sum + timeouts, 0)).toBe(1);
    const [exception, ...others] = await own.registry.exceptions({ transaction: transaction.id });
    expect(others).toEqual([]);
    expect(exception).toMatchObject({ cause: 'partner-timeout', event: 'acknowledge', owner: broker });
    expect(exception?.detail).toContain(venue);
    expect((await own.registry.sweep()).timeouts).toBe(0);
    await own.close();
  });

  it('is still accepted, but nothing continues until somebody has reviewed the delay', async () => {
    const own = await createLivesWorld();
    const { transaction } = await own.reach('submit');
    own.clock.advance(15 * 60_000 + 1);
    await own.registry.sweep();
    const late = await own.report(transaction.id, 'execute');
    expect(late).toMatchObject({ state: 'executed', late: true });
    expect(await own.registry.history(transaction.id)).toMatchObject([{}, { event: 'execute', late: true }]);
    await expect(own.report(transaction.id, 'clear')).rejects.toThrow(
      coded('exception_open', { cause: 'partner-timeout' }),
    );
    const [exception] = await own.registry.exceptions({ transaction: transaction.id, status: 'open' });
    if (exception === undefined) throw new Error('no exception tells of the delay');
    await own.registry.resolveException(exception.id, { kind: 'accepted', reason: because }, actor(riskOfficer));
    await expect(own.report(transaction.id, 'clear')).resolves.toMatchObject({ state: 'cleared' });
    await own.close();
  });

  it('has the same result whether or not anybody looked before the report came', async () => {
    const own = await createLivesWorld();
    const { transaction } = await own.reach('submit');
    own.clock.advance(15 * 60_000 + 1);
    await expect(own.report(transaction.id, 'execute')).resolves.toMatchObject({ late: true });
    expect((await own.registry.sweep()).timeouts).toBe(0);
    expect(await own.registry.exceptions({ transaction: transaction.id })).toMatchObject([
      { cause: 'partner-timeout', status: 'open' },
    ]);
    await own.close();
  });

  it('can be given more time, and its delay does not keep an order from being cancelled', async () => {
    const own = await createLivesWorld();
    const [first, second] = [await own.reach('submit'), await own.reach('submit')];
    own.clock.advance(15 * 60_000 + 1);
    expect((await own.registry.sweep()).timeouts).toBe(2);
    await expect(own.report(second.transaction.id, 'cancel')).resolves.toMatchObject({ state: 'cancelled' });
    const [exception] = await own.registry.exceptions({ transaction: first.transaction.id });
    if (exception === undefined) throw new Error('no exception tells of the delay');
    const asked = (kind: string) =>
      own.registry.resolveException(exception.id, { kind, reason: because }, actor(riskOfficer));
    await expect(asked('restored')).rejects.toThrow(coded('exception_not_healed', { reason: 'event_awaited' }));
    await asked('accepted');
    expect((await own.registry.sweep()).timeouts).toBe(0);
    own.clock.advance(15 * 60_000 + 1);
    expect((await own.registry.sweep()).timeouts).toBe(1);
    await own.close();
  });

  it('cannot quote after the deadline', async () => {
    const own = await createLivesWorld();
    const { id } = await own.begin('rfq');
    await own.step(id, 'request');
    own.clock.advance(3_600_001);
    const quote = { quote_id: 'Q-7', price: { amount: '119.5', ccy: 'EUR' }, valid_until: '2026-06-15T12:00:00Z' };
    await expect(own.step(id, 'quote', { institution: clearer }, quote)).rejects.toThrow(coded('event_late'));
    await own.close();
  });
});

describe('a neglected exception', () => {
  it('is reported overdue, once', async () => {
    const own = await createLivesWorld();
    const { transaction, root } = await own.reach('submit', 'execute');
    await own.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    await expect(own.report(transaction.id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
    own.clock.advance(4 * 3_600_000 - 1);
    expect((await own.registry.sweep()).overdue).toBe(0);
    own.clock.advance(1);
    const nodes = [own.registry, own.registryWith(), own.registryWith()];
    const swept = await Promise.all(nodes.map((node) => node.sweep()));
    expect(swept.reduce((sum, { overdue }) => sum + overdue, 0)).toBe(1);
    expect(await own.registry.exceptions({ owner: broker, overdue: true })).toMatchObject([
      { transaction: transaction.id, overdue: true },
    ]);
    expect(await own.registry.exceptions({ owner: broker, overdue: false })).toEqual([]);
    expect(own.audit.ofType('exception.overdue')).toHaveLength(1);
    await own.close();
  });
});

describe('a departure', () => {
  it('cancels what the person only intended, and raises exceptions for transactions under way until somebody takes them over', async () => {
    const own = await createLivesWorld();
    const meant = await own.reach();
    const underWay = await own.reach('submit', 'execute');
    const settled = await own.reach('submit', 'execute', 'clear', 'settle');
    const by = { id: 'person:hr', institution: broker };
    expect(await own.registry.endAuthorityOf(trader.id, 'move', by, 'moved')).toEqual({ ended: 0 });
    expect(await own.registry.endAuthorityOf(trader.id, 'leave', by, 'left')).toEqual({ ended: 2 });
    expect(await own.registry.endAuthorityOf(trader.id, 'leave', by, 'left')).toEqual({ ended: 0 });
    expect(await own.registry.facts(meant.transaction.id)).toMatchObject({ state: 'cancelled' });
    expect(await own.registry.facts(settled.transaction.id)).toMatchObject({ state: 'settled' });
    const exceptions = await own.registry.exceptions({ transaction: underWay.transaction.id });
    expect(exceptions).toMatchObject([{ cause: 'departure', event: 'clear', owner: broker }]);
    own.directory.principals.delete(trader.id);
    await expect(own.report(underWay.transaction.id, 'clear')).rejects.toThrow(coded('exception_open'));
    const [exception] = exceptions;
    if (exception === undefined) throw new Error('no exception tells of who has gone');
    await expect(
      own.registry.resolveException(exception.id, { kind: 'restored', reason: because }, actor(secondOperator)),
    ).rejects.toThrow(coded('exception_not_healed'));
    await own.registry.resolveException(exception.id, { kind: 'accepted', reason: because }, actor(secondOperator));
    await own.report(underWay.transaction.id, 'clear');
    expect(own.policyEngine.asked.at(-1)).toMatchObject({ principal: secondOperator.id });
    await own.close();
  });
});
