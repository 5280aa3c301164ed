import type { TransactionException } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  actor,
  brokerSignatory,
  childProposal,
  clearerSignatory,
  custodian,
  custodianSignatory,
  fund,
  fundSignatory,
  rootProposal,
  termsHash,
} from '../../consent-store/src/testing/firms.ts';
import {
  createLivesWorld,
  firstOperator,
  type LivesWorld,
  releaser,
  riskOfficer,
  secondOperator,
  thirdOperator,
  trader,
} from './testing/lives-world.ts';

let world: LivesWorld;
beforeAll(async () => {
  world = await createLivesWorld();
});
afterAll(() => world.close());

const coded = (code: string, facts?: unknown) =>
  expect.objectContaining({ code, ...(facts === undefined ? {} : { facts: expect.objectContaining(facts) }) });
const resolve = (exception: TransactionException, kind: string, by = riskOfficer, more: { mandate?: string } = {}) =>
  world.registry.resolveException(exception.id, { kind, reason: 'Looked into', ...more }, actor(by));

async function theException(id: TransactionId): Promise<TransactionException> {
  const [exception, ...others] = await world.registry.exceptions({ transaction: id, status: 'open' });
  if (exception === undefined || others.length > 0) throw new Error('one exception was expected to stand open');
  return exception;
}

/** A mandate of another client to the same broker with the fund's terms, and a sub-mandate for the clearing firm. */
async function mandateOfAnotherClient() {
  const proposed = await world.consentStore.propose(
    rootProposal({ grantor: { lei: custodian, role: 'Client' } }),
    actor(custodianSignatory),
    world.next('proposal'),
  );
  const root = await world.consentStore.accept(proposed.id, { termsHash }, actor(brokerSignatory));
  const cut = await world.consentStore.propose(childProposal(root.id), actor(brokerSignatory), world.next('proposal'));
  await world.consentStore.accept(cut.id, { termsHash }, actor(clearerSignatory));
  return root;
}

describe('an order whose mandate has lapsed', () => {
  it.each([
    ['in the name of the client', { entity_lei: fund }],
    ['in the name of the broker', {}],
  ])('%s is not resolved by the mandate of another client, however much it permits', async (_, changes) => {
    const { root } = await world.mandates();
    const { id } = await world.open(root, changes);
    await world.report(id, 'submit');
    await world.report(id, 'execute');
    await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    await expect(world.report(id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
    const exception = await theException(id);
    const foreign = await mandateOfAnotherClient();
    await expect(resolve(exception, 'fresh-mandate', riskOfficer, { mandate: foreign.id })).rejects.toThrow(
      coded('mandate_lapsed', { reason: 'entity_not_represented' }),
    );
    const fresh = await world.mandates();
    await resolve(exception, 'fresh-mandate', riskOfficer, { mandate: fresh.root.id });
    await expect(world.report(id, 'clear')).resolves.toMatchObject({ state: 'cleared' });
  });
});

describe('a settlement with a disputed report', () => {
  async function released(by = releaser) {
    const { id } = await world.begin('settlement_instruction');
    await world.step(id, 'instruct');
    await world.step(id, 'affirm', { institution: custodian });
    await world.step(id, 'release', { person: by });
    return id;
  }
  const otherwise = { amount: '95601' };

  it('cannot be confirmed by the person who reported it', async () => {
    const id = await released();
    await expect(world.step(id, 'settle', { person: firstOperator }, otherwise)).rejects.toThrow(
      coded('partner_mismatch'),
    );
    const exception = await theException(id);
    await expect(resolve(exception, 'accepted', firstOperator)).rejects.toThrow(coded('exception_authority'));
    await resolve(exception, 'accepted', secondOperator);
    await expect(world.step(id, 'settle', { person: firstOperator }, otherwise)).resolves.toMatchObject({
      state: 'settled',
    });
  });

  it('cannot be confirmed by the person who released it', async () => {
    const id = await released(thirdOperator);
    await expect(world.step(id, 'settle', { institution: custodian }, otherwise)).rejects.toThrow(
      coded('partner_mismatch'),
    );
    await expect(resolve(await theException(id), 'accepted', thirdOperator)).rejects.toThrow(
      coded('exception_authority'),
    );
  });

  it('keeps counting against limits when it is abandoned after its release', async () => {
    const id = await released();
    const { root } = await rootOf(id);
    await expect(world.step(id, 'settle', { institution: custodian }, otherwise)).rejects.toThrow(
      coded('partner_mismatch'),
    );
    await resolve(await theException(id), 'abandoned');
    expect(await world.registry.facts(id)).toMatchObject({ state: 'failed' });
    expect(await world.used(`mandate:${root}`, 'mandate_moved_per_day')).toBe('95600');
  });

  async function rootOf(id: TransactionId) {
    const facts = await world.registry.facts(id);
    return { root: facts?.mandate.id ?? '' };
  }
});

describe('a released withdrawal', () => {
  it('counts against the asset’s daily limit, also when the firm reports that it failed', async () => {
    const root = await world.grant();
    const address = await world.activeAddress({}, root);
    const withdrawal = await world.begin('withdrawal', { address_id: address, amount: '100' }, root);
    await world.step(withdrawal.id, 'request', { person: trader });
    await world.approve(withdrawal, firstOperator, secondOperator);
    await world.step(withdrawal.id, 'release', { person: releaser });
    await world.step(withdrawal.id, 'fail', { person: releaser });
    expect(await world.used(`mandate:${root.id}`, 'mandate_asset_per_day')).toBe('100');
  });
});

describe('a transaction that was taken over', () => {
  it('is restored when the person who took it over is active, and not when only the initiator is', async () => {
    const own = await createLivesWorld();
    const by = { id: 'person:hr', institution: trader.institution };
    const { transaction } = await own.reach('submit', 'execute');
    const told = async () => {
      const [exception] = await own.registry.exceptions({ transaction: transaction.id, status: 'open' });
      if (exception === undefined) throw new Error('no exception tells of who has gone');
      return exception.id;
    };
    await own.registry.endAuthorityOf(trader.id, 'leave', by, 'left');
    await own.registry.resolveException(await told(), { kind: 'accepted', reason: 'Mine' }, actor(secondOperator));
    await own.registry.endAuthorityOf(secondOperator.id, 'leave', by, 'left');
    own.directory.principals.delete(secondOperator.id);
    await expect(
      own.registry.resolveException(await told(), { kind: 'restored', reason: 'Back' }, actor(firstOperator)),
    ).rejects.toThrow(coded('exception_not_healed', { reason: 'principal_gone' }));
    await own.close();
  });
});
