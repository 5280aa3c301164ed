import type { Mandate, MandateAnswer } from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import { intentUse } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { verifyMandateVersions } from './index.ts';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { broker, clearer, constraints, rootProposal, stranger, termsHash } from './testing/firms.ts';
import { byBroker, byClearer, byFund, givenChild, givenRoot, newKey } from './testing/given-mandates.ts';
import { tradeOrder } from './testing/trade-order.ts';

const hourMs = 3_600_000;
let world: ConsentWorld;
beforeAll(async () => {
  world = await createConsentWorld();
});
afterAll(() => world.close());

function validate(mandate: Mandate, changes: Record<string, unknown> = {}): Promise<MandateAnswer> {
  return world.store.validate({
    mandate: mandate.id,
    actingFor: broker,
    detail: tradeOrder(mandate.id),
    at: world.clock.now(),
    ...changes,
  });
}

/** Advances the clock by an hour, so that each record has its own time. @returns the time before */
function later(): number {
  const now = world.clock.now();
  world.clock.advance(hourMs);
  return now;
}

describe('whether a mandate was valid', () => {
  it('is answered for each time by the state at that time', async () => {
    const root = await givenRoot(world.store);
    const standing = later();
    await world.store.suspend(root.id, byFund, 'Review');
    const suspended = later();
    await world.store.resume(root.id, byFund, 'Done');
    const resumed = later();
    await world.store.revoke(root.id, byFund, 'End');
    const revoked = later();
    const answers = [];
    for (const at of [standing, suspended, resumed, revoked]) answers.push(await validate(root, { at }));
    expect(answers).toMatchObject([
      { valid: true, mandate: { version: 2 } },
      { valid: false, reason: 'mandate_suspended' },
      { valid: true, mandate: { version: 4 } },
      { valid: false, reason: 'mandate_revoked' },
    ]);
  });

  it('is answered by what was known at a time, and not by what was learnt afterwards', async () => {
    const root = await givenRoot(world.store);
    const knownAt = later();
    await world.store.revoke(root.id, byFund, 'End');
    later();
    expect(await validate(root, { knownAt })).toMatchObject({ valid: true });
    expect(await validate(root)).toMatchObject({ valid: false, reason: 'mandate_revoked' });
    expect(await validate(root, { knownAt: knownAt - hourMs })).toMatchObject({ reason: 'mandate_not_found' });
  });

  it('lets an acceptance count for the time before it, once it is known', async () => {
    const at = later();
    const { id } = await world.store.propose(rootProposal(), byFund, newKey());
    const before = later();
    const accepted = await world.store.accept(id, { termsHash }, byBroker);
    expect(await validate(accepted, { at, knownAt: before })).toMatchObject({ reason: 'mandate_not_accepted' });
    expect(await validate(accepted, { at })).toMatchObject({ valid: true });
    expect(await validate(accepted, { at: Date.parse(accepted.effectiveFrom) - 1 })).toMatchObject({
      reason: 'mandate_not_effective',
    });
  });

  it('does not let an amendment count for the time before it', async () => {
    const root = await givenRoot(world.store);
    const before = later();
    const { amendment } = await world.store.amend(
      root.id,
      { constraints: { ...constraints, actions: [...constraints.actions, 'trade:bust'] } },
      byFund,
      newKey(),
    );
    await world.store.acceptAmendment(root.id, { termsDigest: amendment?.termsDigest ?? '' }, byBroker);
    const action = 'trade:bust';
    expect(await validate(root, { action })).toMatchObject({ valid: true });
    expect(await validate(root, { action, at: before })).toMatchObject({ reason: 'mandate_action' });
  });

  it('checks the whole chain as it was, and the future as it is now', async () => {
    const depths = { constraints: { ...constraints, delegationDepth: 1 } };
    const root = await givenRoot(world.store);
    const child = await givenChild(world.store, root.id, depths);
    const before = later();
    await world.store.suspend(root.id, byFund, 'Review');
    const acting = { actingFor: clearer };
    const now = world.clock.now();
    expect(await validate(child, { ...acting, at: before })).toMatchObject({
      valid: true,
      chain: [{ id: child.id }, { id: root.id, version: 2 }],
    });
    expect(await validate(child, acting)).toMatchObject({ reason: 'mandate_suspended', atFault: { id: root.id } });
    expect(await validate(root, { ...acting, at: before })).toMatchObject({ valid: true, mandate: { id: root.id } });
    expect(await validate(child, { ...acting, at: now + 24 * hourMs })).toMatchObject({ reason: 'mandate_suspended' });
    expect(await validate(root, { actingFor: stranger, at: before })).toMatchObject({ reason: 'mandate_grantee' });
  });

  it('remembers its earlier holders', async () => {
    const root = await givenRoot(world.store);
    const before = later();
    const change = { replace: { part: 'grantee', by: { lei: clearer, role: 'ClearingFirm' } } };
    const { amendment } = await world.store.amend(root.id, change, byFund, newKey());
    const termsDigest = amendment?.termsDigest ?? '';
    await world.store.acceptAmendment(root.id, { termsDigest }, byClearer);
    await world.store.acceptAmendment(root.id, { termsDigest }, byBroker);
    expect(await validate(root, { at: before })).toMatchObject({ valid: true });
    expect(await validate(root)).toMatchObject({ reason: 'mandate_grantee' });
    expect(await validate(root, { actingFor: clearer, at: before })).toMatchObject({ reason: 'mandate_grantee' });
  });

  it('agrees with the check about the present', async () => {
    const root = await givenRoot(world.store);
    const at = world.clock.now();
    for (const detail of [
      tradeOrder(root.id),
      tradeOrder(root.id, { max_notional: { amount: '2000001', ccy: 'EUR' } }),
      tradeOrder(root.id, { venue_mic: 'XLON' }),
    ]) {
      const use = intentUse(detail, { action: 'order:create', at });
      const checked = await world.store.check({ mandate: root.id, actingFor: broker, use, at });
      expect(await validate(root, { detail })).toEqual(checked);
    }
  });
});

describe('a history', () => {
  async function history(): Promise<{ own: readonly Mandate[]; parents: readonly Mandate[] }> {
    const root = await givenRoot(world.store);
    const child = await givenChild(world.store, root.id);
    await world.store.suspend(child.id, byBroker, 'Review');
    const { amendment } = await world.store.amend(
      child.id,
      { constraints: { ...child.constraints, venues: ['XETR'] } },
      byBroker,
      newKey(),
    );
    await world.store.acceptAmendment(child.id, { termsDigest: amendment?.termsDigest ?? '' }, byClearer);
    return { own: await world.store.history(child.id), parents: await world.store.history(root.id) };
  }

  it('can be verified by anybody who has the keys', async () => {
    const { own, parents } = await history();
    const keys = await world.signer.publicKeys('mandate');
    expect(own).toHaveLength(5);
    expect(verifyMandateVersions(own, keys, parents)).toEqual({ ok: true, signedFrom: 1 });
    expect(verifyMandateVersions(own, keys)).toEqual({ ok: true, signedFrom: 1 });
  });

  it('shows what was tampered with', async () => {
    const { own, parents } = await history();
    const keys = await world.signer.publicKeys('mandate');
    const [first, second, third, ...rest] = own;
    if (first === undefined || second === undefined || third === undefined) throw new Error('no history');
    const stolen = { ...second, constraints: { ...second.constraints, delegationDepth: 8 } };
    const other = (await history()).own;
    const { digest: _, signature, ...covered } = stolen;
    const resealed = { ...covered, digest: digestOf(covered), ...(signature === undefined ? {} : { signature }) };
    const { signature: __, ...unsigned } = second;
    const fault = (versions: readonly Mandate[], above = parents) => {
      const result = verifyMandateVersions(versions, keys, above);
      return result.ok ? 'none' : [result.version, result.fault];
    };
    expect(fault([first, stolen, third, ...rest])).toEqual([2, 'digest']);
    expect(fault([first, third, ...rest])).toEqual([3, 'chain']);
    expect(fault([second, third, ...rest])).toEqual([2, 'chain']);
    expect(fault([first, resealed, third])).toEqual([2, 'signature-wrong']);
    expect(fault([first, unsigned, third])).toEqual([2, 'signature-missing']);
    expect(fault([first, ...other.slice(1)])).toEqual([2, 'chain']);
    expect(fault(own, parents.slice(0, 1))).toEqual([1, 'parent']);
    expect(verifyMandateVersions(own, [])).toEqual({ ok: false, version: 1, fault: 'signature-key-unknown' });
  });

  it('treats text without a canonical form as different content', async () => {
    const [first] = (await history()).own;
    if (first === undefined) throw new Error('no history');
    const odd = { ...first, legalBasis: { type: 'agreement', reference: '\ud800' } };
    expect(verifyMandateVersions([odd], [])).toEqual({ ok: false, version: 1, fault: 'digest' });
  });
});
