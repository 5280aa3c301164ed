import { afterAll, beforeAll, expect, it } from 'vitest';
import { actor, broker, personOf } from '../../consent-store/src/testing/firms.ts';
import { createLivesWorld, firstOperator, type LivesWorld, releaser, secondOperator } from './testing/lives-world.ts';
import { trader } from './testing/trading-world.ts';

const ofTheDesk = { ...personOf(broker, 'rolf', 'operations'), desk: 'rates' };
const deals = personOf(broker, 'dora', 'operations', 'trader');

let world: LivesWorld;
beforeAll(async () => {
  world = await createLivesWorld();
  world.directory.principals.set(trader.id, { ...trader, desk: 'rates' });
  for (const person of [ofTheDesk, deals]) world.directory.principals.set(person.id, person);
});
afterAll(() => world.close());

const coded = (code: string) => expect.objectContaining({ code });

async function requested() {
  const withdrawal = await world.begin('withdrawal', { address_id: await world.activeAddress() });
  await world.step(withdrawal.id, 'request', { person: trader });
  const release = () => world.step(withdrawal.id, 'release', { person: releaser });
  const awaited = async () => (await world.registry.approvalView(withdrawal.id, broker))?.awaited;
  return { withdrawal, release, awaited };
}

it('independent control is listed as outstanding, and approvals from the initiating desk or from traders do not count', async () => {
  const { withdrawal, release, awaited } = await requested();
  const wanted = (count: number) => [{ role: 'operations', count, institution: broker, independent: true }];
  expect(await awaited()).toEqual(wanted(2));
  await world.approve(withdrawal, ofTheDesk, deals);
  expect(await awaited()).toEqual(wanted(2));
  await expect(release()).rejects.toThrow(coded('approval_required'));
  await world.approve(withdrawal, firstOperator);
  expect(await awaited()).toEqual(wanted(1));
  await expect(release()).rejects.toThrow(coded('approval_required'));
  await world.approve(withdrawal, secondOperator);
  expect(await awaited()).toEqual([]);
  await expect(release()).resolves.toMatchObject({ state: 'released' });
});

it('independent control is lost when its approver moves to the initiating desk', async () => {
  const { withdrawal, release } = await requested();
  await world.approve(withdrawal, firstOperator, secondOperator);
  world.directory.principals.set(secondOperator.id, { ...secondOperator, desk: 'rates' });
  await expect(release()).rejects.toThrow(coded('approval_required'));
  world.directory.principals.set(secondOperator.id, secondOperator);
});

it('independent control is not given by colleagues of the person who has taken the transaction over', async () => {
  const { withdrawal, release } = await requested();
  const taker = { ...personOf(broker, 'tilo', 'operations'), desk: 'operations' };
  world.directory.principals.set(taker.id, taker);
  await world.registry.endAuthorityOf(trader.id, 'leave', { id: 'person:hr', institution: broker }, 'left');
  const [exception] = await world.registry.exceptions({ transaction: withdrawal.id, status: 'open' });
  if (exception === undefined) throw new Error('no exception tells of who has gone');
  await world.registry.resolveException(exception.id, { kind: 'accepted', reason: 'Mine' }, actor(taker));
  await world.approve(withdrawal, firstOperator, secondOperator);
  await expect(release()).rejects.toThrow(coded('approval_required'));
});
