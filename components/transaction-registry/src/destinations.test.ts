import type { TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { broker, clearer, custodian } from '../../consent-store/src/testing/firms.ts';
import {
  complianceOfficer,
  createLivesWorld,
  everything,
  firstOperator,
  type LivesWorld,
  noAddress,
  releaser,
  secondOperator,
  thirdOperator,
  token,
  trader,
} from './testing/lives-world.ts';

// Money and assets go to entries of the address book: proposed by one person, approved by others, past cooling-off.

let world: LivesWorld;
beforeAll(async () => {
  world = await createLivesWorld();
});
afterAll(() => world.close());

type Changes = Readonly<Record<string, unknown>>;
const coded = (code: string) => expect.objectContaining({ code });
const place = 'CEDELULLXXX';

/** An account at the custodian that no other test settles to. */
let count = 0;
const freshAccount = () => `CASH-${++count + 100}`;
const entryOf = (account: string, changes: Changes = {}): Changes => ({
  ...noAddress,
  account,
  place_of_settlement: place,
  beneficiary_lei: custodian,
  ...changes,
});

/** A settlement of an executed order; its destination is in the address book only if a test put it there. */
async function settlementTo(receiver: Changes, changes: Changes = {}) {
  const trade_id = await world.executedOrder();
  return world.begin('settlement_instruction', { trade_id, receiver, ...changes });
}
const toAccount = (account: string, changes: Changes = {}) => settlementTo({ lei: custodian, account }, changes);
const known = async ({ id }: { readonly id: TransactionId }) => (await world.registry.facts(id))?.destinationKnown;

describe('a settlement', () => {
  it('is refused to an account outside the address book, for every initiator', async () => {
    const { id } = await toAccount(freshAccount());
    expect(await known({ id })).toBe(false);
    for (const by of [{}, { person: trader }, { person: releaser }])
      await expect(world.step(id, 'instruct', by)).rejects.toThrow(coded('destination_unknown'));
    expect(world.recordsOf(id).at(-1)).toMatchObject({ type: 'transaction.refused', reason: 'destination_unknown' });
  });

  it('is permitted to an account that others than its proposer approved, once it is active, and not before', async () => {
    const account = freshAccount();
    const settlement = await toAccount(account);
    const refused = () => expect(world.step(settlement.id, 'instruct')).rejects.toThrow(coded('destination_unknown'));
    const later = new Date(world.clock.now() + 1000).toISOString();
    const entry = await world.begin('address_book_change', entryOf(account, { cooling_off_until: later }));
    await world.step(entry.id, 'propose', { person: trader });
    await refused();
    await expect(world.approve(entry, trader)).rejects.toThrow(coded('approval_self'));
    await world.approve(entry, firstOperator, complianceOfficer);
    await expect(world.step(entry.id, 'approve', { person: trader })).rejects.toThrow(coded('duties_combined'));
    await world.step(entry.id, 'approve', { person: releaser });
    await refused();
    await expect(world.step(entry.id, 'activate', { person: releaser })).rejects.toThrow(coded('cooling_off'));
    world.clock.advance(1000);
    await world.step(entry.id, 'activate', { person: releaser });
    expect(await known(settlement)).toBe(true);
    await expect(world.step(settlement.id, 'instruct')).resolves.toMatchObject({ state: 'instructed' });
    expect(world.policyEngine.asked.at(-1)).toMatchObject({ resource: { facts: { destinationKnown: true } } });
  });

  it.each<readonly [string, Changes, Changes]>([
    ['the account of another firm', { beneficiary_lei: clearer }, {}],
    ['the same account elsewhere', { place_of_settlement: 'MGTCBEBEECL' }, {}],
    ['an account for another firm of ours', { entity_lei: custodian }, {}],
    ['an account, where the settlement names another place', {}, { place_of_settlement: 'DAKVDEFFXXX' }],
  ])('does not accept an entry for %s', async (_, entry, settlement) => {
    const account = freshAccount();
    await world.activeAddress(entryOf(account, entry));
    const { id } = await toAccount(account, settlement);
    await expect(world.step(id, 'instruct')).rejects.toThrow(coded('destination_unknown'));
  });

  it('does not make its account known by arriving: when the entry is revoked, the next one is refused', async () => {
    const account = freshAccount();
    const entry = (await world.activeAddress(entryOf(account))) as TransactionId;
    const first = await toAccount(account);
    await world.step(first.id, 'instruct');
    await world.step(first.id, 'affirm', { institution: custodian });
    await world.step(first.id, 'release');
    await world.step(first.id, 'settle', { institution: custodian });
    const second = await toAccount(account);
    expect(await known(second)).toBe(true);
    await world.step(entry, 'revoke', { person: thirdOperator });
    expect(await known(second)).toBe(false);
    await expect(world.step(second.id, 'instruct')).rejects.toThrow(coded('destination_unknown'));
  });

  it('is not released when the entry was revoked or replaced meanwhile', async () => {
    const account = freshAccount();
    const entry = (await world.activeAddress(entryOf(account))) as TransactionId;
    const { id } = await toAccount(account);
    await world.step(id, 'instruct');
    await world.step(id, 'affirm', { institution: custodian });
    await world.step(entry, 'revoke', { person: thirdOperator });
    await expect(world.step(id, 'release')).rejects.toThrow(coded('destination_unknown'));
    await world.activeAddress(entryOf(account));
    await expect(world.step(id, 'release')).rejects.toThrow(coded('destination_unknown'));
  });

  it('is released when a second entry for the same account exists beside the recorded one', async () => {
    const account = freshAccount();
    await world.activeAddress(entryOf(account));
    const { id } = await toAccount(account);
    await world.step(id, 'instruct');
    await world.activeAddress(entryOf(account));
    await world.step(id, 'affirm', { institution: custodian });
    await expect(world.step(id, 'release')).resolves.toMatchObject({ state: 'released' });
  });

  it('to an own account needs an entry like any other', async () => {
    const { id } = await settlementTo({ lei: broker, account: freshAccount() });
    await expect(world.step(id, 'instruct')).rejects.toThrow(coded('destination_unknown'));
  });

  describe('to a wallet', () => {
    const address = '0x52908400098527886E0F7030069857D2E4169EE7';
    const chain = 'eip155:1';
    const wallet = (changes: Changes = {}): Changes => ({
      address,
      memo: undefined,
      beneficiary_lei: broker,
      ...changes,
    });
    /** A delivery of the token that was bought. */
    async function delivery(changes: Changes = {}) {
      const trade_id = await world.executedOrder({ instrument: { dti: token, cfi: 'ESVUFR' } });
      return world.begin('settlement_instruction', {
        trade_id,
        amount: '50',
        ccy: undefined,
        dti: token,
        deliverer: { lei: custodian, address: '0x8617E340B3D01FA5F11F306F4090FD50E238070D' },
        receiver: { lei: broker, address },
        place_of_settlement: chain,
        ...changes,
      });
    }

    it('is permitted to the address in the book, on its chain, for its token, and without a memo', async () => {
      const { id } = await delivery();
      for (const other of [{ memo: 'desk 4' }, { chain_id: 'eip155:137' }, { beneficiary_lei: custodian }]) {
        await world.activeAddress(wallet(other));
        await expect(world.step(id, 'instruct')).rejects.toThrow(coded('destination_unknown'));
      }
      await world.activeAddress(wallet());
      await expect(world.step(id, 'instruct')).resolves.toMatchObject({ state: 'instructed' });
    });
  });
});

describe('a withdrawal', () => {
  it('is known after one arrived that two had approved, and new again when its entry is revoked', async () => {
    const mandate = await world.grant({ constraints: everything });
    const address_id = (await world.activeAddress({}, mandate)) as TransactionId;
    const withdraw = () => world.begin('withdrawal', { address_id }, mandate);
    const [first, second] = [await withdraw(), await withdraw()];
    expect(await known(first)).toBe(false);
    await world.step(first.id, 'request');
    await world.approve(first, firstOperator, secondOperator);
    await world.step(first.id, 'release', { person: releaser });
    expect(await known(second)).toBe(false);
    await world.step(first.id, 'confirm');
    expect(await known(second)).toBe(true);
    await world.step(address_id, 'revoke', { person: thirdOperator });
    expect(await known(second)).toBe(false);
  });

  it('is refused to an entry that is a settlement account', async () => {
    const address_id = await world.activeAddress(entryOf(freshAccount()));
    const { id } = await world.begin('withdrawal', { address_id });
    await expect(world.step(id, 'request')).rejects.toThrow(coded('destination_unknown'));
  });
});
