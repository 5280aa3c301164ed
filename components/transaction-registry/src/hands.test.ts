import type { Agent, Person, PersonSignal } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { broker, personOf } from '../../consent-store/src/testing/firms.ts';
import { createLivesWorld, firstOperator, type LivesWorld, releaser, secondOperator } from './testing/lives-world.ts';

/*
The policies are asked about who began a transaction. By whose hand it goes on is judged as well: whatever their token was good for
when it was issued.
*/
const hand = personOf(broker, 'hanna', 'trader');
const algorithm: Agent = {
  kind: 'agent',
  id: 'agent:hand-1',
  institution: broker,
  roles: [],
  model: {
    modelId: 'vwap-bund',
    version: '4.2.0',
    artifactSha256: 'ab'.repeat(32),
    status: 'Approved',
    certifiedBy: 'x',
  },
} as never;

let world: LivesWorld;
const signals = new Map<string, readonly PersonSignal[]>();
const locked = new Set<string>();
let registry: LivesWorld['registry'];
beforeAll(async () => {
  world = await createLivesWorld();
  registry = world.registryWith({
    signalsOf: (principal) => signals.get(principal) ?? [],
    authenticators: {
      isLocked: async (person: string) => locked.has(person),
      standing: async () => undefined,
    } as never,
  });
});
afterAll(() => world.close());

const refusedFor = (code: string) =>
  expect.objectContaining({
    code: 'transition_not_permitted',
    facts: expect.objectContaining({ reasons: [expect.objectContaining({ code })] }),
  });
/** Puts somebody into the directory in their current form. */
function is<One extends Person | Agent>(one: One, change: object = {}): One {
  const changed = { ...one, ...change };
  world.directory.principals.set(one.id, changed);
  return changed;
}
const draft = () => is(algorithm, { model: { ...algorithm.model, status: 'Draft' } });

async function order() {
  const { root } = await world.mandates();
  return (await world.open(root)).id;
}
const submitting = (id: TransactionId, by: string, actors?: readonly string[]) =>
  registry.transition({
    transaction: id,
    event: 'submit',
    idempotencyKey: world.next('submit'),
    body: {},
    by: { id: by, institution: broker, client: 'hands' },
    ...(actors === undefined ? {} : { actors }),
  });

/** A withdrawal with all its approvals. */
async function approved() {
  const withdrawal = await world.begin('withdrawal', { address_id: await world.activeAddress() });
  await world.step(withdrawal.id, 'request');
  await world.approve(withdrawal, firstOperator, secondOperator);
  return withdrawal.id;
}

describe('a step is refused, and the refusal recorded,', () => {
  it('from an algorithm whose certificate is not in force', async () => {
    const id = await order();
    await expect(submitting(id, draft().id)).rejects.toThrow(refusedFor('agent_not_certified'));
    await expect(submitting(id, 'service:reporter', [algorithm.id])).rejects.toThrow(refusedFor('agent_not_certified'));
    expect(world.recordsOf(id).at(-1)).toMatchObject({ type: 'transaction.refused', outcome: 'deny' });
    await expect(submitting(id, is(algorithm).id)).resolves.toMatchObject({ state: 'submitted' });
  });

  it('from any algorithm when assets leave, and no destination becomes known by it', async () => {
    const id = await approved();
    for (const agent of [draft(), is(algorithm)])
      await expect(world.step(id, 'release', { person: agent as never })).rejects.toThrow(
        refusedFor('agent_not_entitled'),
      );
    await world.step(id, 'release', { person: releaser });
    await expect(world.step(id, 'confirm', { person: is(algorithm) as never })).rejects.toThrow(
      refusedFor('agent_not_entitled'),
    );
    expect((await world.registry.facts(id))?.destinationKnown).toBe(false);
  });

  it('from a person who is no longer a trader', async () => {
    const id = await order();
    await expect(submitting(id, is(hand, { roles: ['operations'] }).id)).rejects.toThrow(refusedFor('trader_needed'));
    await expect(submitting(id, is(hand).id)).resolves.toMatchObject({ state: 'submitted' });
  });

  it('from somebody whose account is locked', async () => {
    const id = await order();
    locked.add(is(hand).id);
    await expect(submitting(id, hand.id)).rejects.toThrow(refusedFor('account_locked'));
    locked.clear();
    await expect(submitting(id, hand.id)).resolves.toMatchObject({ state: 'submitted' });
  });

  it.each<PersonSignal>(['impossible-travel', 'credential-compromised', 'recovery-cooling-off'])(
    'from somebody with the risk signal %s',
    async (signal) => {
      const id = await order();
      signals.set(is(hand).id, [signal]);
      await expect(submitting(id, hand.id)).rejects.toThrow(refusedFor('account_unsettled'));
      signals.clear();
      await expect(submitting(id, hand.id)).resolves.toMatchObject({ state: 'submitted' });
    },
  );
});

it('an order can be cancelled even by an actor who is barred from every other step', async () => {
  const id = await order();
  const cancel = { transaction: id, event: 'cancel', idempotencyKey: world.next('cancel'), body: {} } as const;
  locked.add(draft().id);
  const by = { id: algorithm.id, institution: broker, client: 'hands' };
  await expect(registry.transition({ ...cancel, by })).resolves.toMatchObject({ state: 'cancelled' });
  locked.clear();
});
