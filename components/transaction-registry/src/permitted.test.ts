import { permittedAt, permittedIntent, type RecordDraft, standing } from '@countersign/contracts';
import { newId, type TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examples } from '../../../protocols/market/src/testing/example-details.ts';
import { actor, broker, clearer } from '../../consent-store/src/testing/firms.ts';
import { tradeOrder } from '../../consent-store/src/testing/trade-order.ts';
import { lifeCycleOf } from './life-cycles/index.ts';
import { createLivesWorld, type Kind, type LivesWorld } from './testing/lives-world.ts';
import { trader } from './testing/trading-world.ts';

/*
An intent is acted on once a token for it was permitted to whoever began it. The token endpoint opens the transaction before it
decides, so that somebody can approve it: what it refused must be nobody's to carry out.
*/
let world: LivesWorld;
beforeAll(async () => {
  world = await createLivesWorld();
});
afterAll(() => world.close());

const refusedFor = (code: string) =>
  expect.objectContaining({
    code: 'transition_not_permitted',
    facts: expect.objectContaining({ reasons: [expect.objectContaining({ code })] }),
  });
/** An order that this world's mandates permit. */
const { mandate_id: _mandate, idempotency_key: _key, ...terms } = tradeOrder('mnd_00000000000000000000000000');
const order = (changes: object = {}) => world.refused('trade_order', { ...terms, ...changes });
const submit = (id: TransactionId, institution: typeof broker = broker) =>
  world.report(id, 'submit', { institution, body: {} });

describe('an intent whose token was refused', () => {
  it.each(Object.keys(examples) as Kind[])('cannot be carried out, but can be cancelled: %s', async (kind) => {
    const { id } = kind === 'trade_order' ? await order() : await world.refused(kind);
    const facts = await world.registry.facts(id);
    if (facts === undefined) throw new Error('what was opened is not found');
    expect(facts).not.toHaveProperty('permitted');
    const { rules } = lifeCycleOf({ type: facts.intentType } as never);
    const first = Object.entries(rules).filter(([, { from, to }]) => from.includes('intended') && to !== 'cancelled');
    expect(first.length).toBeGreaterThan(0);
    for (const [event] of first)
      await expect(world.step(id, event as never, { person: trader })).rejects.toThrow(
        refusedFor('intent_not_permitted'),
      );
    expect(world.recordsOf(id).at(-1)).toMatchObject({
      type: 'transaction.refused',
      outcome: 'deny',
      reason: 'transition_not_permitted',
    });
    expect((await world.registry.facts(id))?.state).toBe('intended');
    await expect(world.step(id, 'cancel', { person: trader })).resolves.toMatchObject({ state: 'cancelled' });
  });

  it('can be carried out after a token for it was permitted, and the step refers to the record of that token', async () => {
    const begun = await order();
    await expect(submit(begun.id)).rejects.toThrow(refusedFor('intent_not_permitted'));
    const token = await begun.permit();
    await expect(submit(begun.id)).resolves.toMatchObject({ state: 'submitted' });
    expect(world.recordsOf(begun.id).at(-1)?.references).toContain(token);
  });

  it.each<[string, Partial<RecordDraft>]>([
    ['refused', { type: 'token.refused', outcome: 'deny' }],
    ['exchanged', { type: 'token.exchanged' }],
    ['for somebody else', { subject: { id: 'person:mallory', institution: broker } }],
    ['for another intent', { intent: 'B'.repeat(43) as never }],
    ['for another transaction', { transaction: 'txn_00000000000000000000000000' as never }],
  ])('cannot be carried out after the record of a token that was %s', async (_, change) => {
    const begun = await order();
    const id = newId('record', world);
    await world.audit.append({
      id,
      type: 'token.issued',
      source: 'authorization-server',
      outcome: 'permit',
      transaction: begun.id,
      intent: begun.intentDigest,
      subject: actor(trader),
      standing: [standing(permittedIntent(begun.id), {}), standing(permittedAt(begun.id, broker), {})],
      data: {},
      ...change,
    });
    await expect(submit(begun.id)).rejects.toThrow(refusedFor('intent_not_permitted'));
  });
});

describe('an intent whose token was permitted', () => {
  const parties = [
    { role: 'ExecutingBroker', lei: clearer },
    ...terms.parties.filter(({ role }) => role !== 'ExecutingBroker'),
  ];

  it('can be carried out by the firm that it was sent to, and by no other', async () => {
    const begun = await order({ parties });
    await begun.permit();
    await expect(submit(begun.id, clearer)).rejects.toThrow(refusedFor('intent_not_sent'));
    await begun.permit({ reaches: clearer });
    await expect(submit(begun.id, clearer)).resolves.toMatchObject({ state: 'submitted' });
  });

  it('keeps how the initiator had signed in, which the policies check at each step', async () => {
    const begun = await order();
    const now = world.clock.now();
    await begun.permit({ acr: 'phr', device: 'device:desk-7', signedInSecondsAgo: 90 });
    expect((await world.registry.facts(begun.id))?.permitted).toMatchObject({
      acr: 'phr',
      authTime: Math.floor(now / 1000) - 90,
      device: 'device:desk-7',
      reached: [broker],
    });
    world.clock.advance(3_600_000);
    await submit(begun.id);
    const [asked] = world.policyEngine.asked.slice(-1);
    expect(asked?.context).toMatchObject({
      acr: 'phr',
      authTime: Math.floor(now / 1000) - 90,
      device: 'device:desk-7',
    });
    expect(asked?.resource).toMatchObject({ facts: { permitted: { acr: 'phr', at: now } } });
  });

  it('uses the newest token: a step-up counts as the stronger sign-in', async () => {
    const begun = await order();
    await begun.permit({ acr: 'phr' });
    const second = await begun.permit({ acr: 'phrh' });
    expect((await world.registry.facts(begun.id))?.permitted).toMatchObject({ acr: 'phrh', record: second });
  });
});
