import type { ConsentStore, Mandate, MandateAnswer } from '@countersign/contracts';
import { newId, systemRandom } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { actor, broker, clearer, custodian, custodianSignatory, rootProposal, termsHash } from './testing/firms.ts';
import { byBroker, byClearer, byFund, givenChild, givenRoot, newKey, permittedUse } from './testing/given-mandates.ts';

/** A generous timeout, because the tests must not depend on the speed of the machine. */
const patiently = { timeout: 60_000 };

let world: ConsentWorld;
beforeAll(async () => {
  world = await createConsentWorld();
});
afterAll(() => world.close());

/** The pool of a node, with a counter of its queries. */
function countingPool() {
  const pool = world.scratch.pool('consent-store');
  const counted = { queries: 0 };
  const query = pool.query.bind(pool) as (...given: unknown[]) => unknown;
  Object.assign(pool, {
    query: (...given: unknown[]) => {
      counted.queries++;
      return query(...given);
    },
  });
  return { pool, counted };
}

function ask(store: ConsentStore, mandate: Mandate, actingFor: Lei = broker): Promise<MandateAnswer> {
  const at = world.clock.now();
  return store.check({ mandate: mandate.id, actingFor, use: permittedUse(at), at });
}

describe('a node’s cache of mandates', () => {
  it('starts empty, costs one query for a chain of any length, and none for a repeated check', async () => {
    const root = await givenRoot(world.store);
    const child = await givenChild(world.store, root.id);
    const { pool, counted } = countingPool();
    const node = await world.node({ pool, pollEveryMs: 3_600_000 });
    expect(node.remembered()).toBe(0);
    counted.queries = 0;
    for (const [actingFor, named, queries] of [
      [clearer, child, 1],
      [clearer, child, 1],
      // The chain is cached; what the clearing firm holds below the root is not.
      [broker, root, 1],
      [clearer, root, 2],
      [clearer, root, 2],
      // Neither is a negative answer, the first time.
      [custodian, root, 3],
      [custodian, root, 3],
    ] as const) {
      await ask(node, named, actingFor);
      expect(counted.queries).toBe(queries);
    }
    expect(node.remembered()).toBe(2);
  });

  it('is bounded, and answers are right whatever was evicted', async () => {
    const node = await world.node({ remembered: 4 });
    const mandates = await Promise.all(Array.from({ length: 30 }, () => givenRoot(world.store)));
    for (const mandate of mandates) expect(await ask(node, mandate)).toMatchObject({ valid: true });
    expect(node.remembered()).toBeLessThanOrEqual(8);
    for (const mandate of mandates) expect(await ask(node, mandate)).toMatchObject({ valid: true, mandate });
  });

  it('holds the longest possible chain, and a chain longer than its capacity', async () => {
    const node = await world.node({ remembered: 1 });
    const root = await givenRoot(world.store);
    const child = await givenChild(world.store, root.id);
    expect(await ask(node, child, clearer)).toMatchObject({ valid: true, chain: [child, root] });
    expect(await ask(node, root, clearer)).toMatchObject({ valid: true, chain: [child, root] });
  });

  it('follows what another node has delegated, changed and ended', async () => {
    const node = await world.node({ pollEveryMs: 3_600_000 });
    const root = await givenRoot(world.store);
    expect(await ask(node, root, clearer)).toMatchObject({ reason: 'mandate_grantee' });
    const child = await givenChild(world.store, root.id);
    await expect.poll(() => ask(node, root, clearer), patiently).toMatchObject({ valid: true });
    await world.store.suspend(child.id, byBroker, 'Review');
    await expect.poll(() => ask(node, root, clearer), patiently).toMatchObject({ reason: 'mandate_suspended' });
    await world.store.resume(child.id, byBroker, 'Done');
    await expect.poll(() => ask(node, root, clearer), patiently).toMatchObject({ valid: true });
    const change = { replace: { part: 'grantee', by: { lei: custodian, role: 'Custodian' } } };
    const { amendment } = await world.store.amend(child.id, change, byBroker, newKey());
    const termsDigest = amendment?.termsDigest ?? '';
    await world.store.acceptAmendment(child.id, { termsDigest }, actor(custodianSignatory));
    expect(await ask(node, root, custodian)).toMatchObject({ reason: 'mandate_grantee' });
    await world.store.acceptAmendment(child.id, { termsDigest }, byClearer);
    await expect.poll(() => ask(node, root, custodian), patiently).toMatchObject({ valid: true });
    await expect.poll(() => ask(node, root, clearer), patiently).toMatchObject({ reason: 'mandate_grantee' });
  });

  it('does not store what was read before it was changed', async () => {
    const { pool } = countingPool();
    const node = await world.node({ pool, pollEveryMs: 3_600_000 });
    const root = await givenRoot(world.store);
    // The answer of the database is held back until the change has been notified.
    const query = pool.query.bind(pool) as (...given: unknown[]) => Promise<unknown>;
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let reading: (() => void) | undefined;
    const begun = new Promise<void>((resolve) => {
      reading = resolve;
    });
    Object.assign(pool, {
      query: async (...given: unknown[]) => {
        const answer = await query(...given);
        if ((given[0] as { name?: string }).name === 'mandate-lines') {
          reading?.();
          await held;
        }
        return answer;
      },
    });
    const early = ask(node, root);
    await begun;
    await world.store.revoke(root.id, byFund, 'Meanwhile');
    const heard = await givenRoot(world.store);
    Object.assign(pool, { query });
    await expect.poll(() => ask(node, heard), patiently).toMatchObject({ valid: true });
    await world.store.suspend(heard.id, byFund, 'So that the node has heard');
    await expect.poll(() => ask(node, heard), patiently).toMatchObject({ reason: 'mandate_suspended' });
    release();
    // The log is checked after the row.
    for (const answer of [await early, await ask(node, root)])
      expect(answer).toMatchObject({ valid: false, reason: 'mandate_revoked' });
  });

  it('does not take a repeated earlier result for the current one', async () => {
    const node = await world.node();
    const key = newKey();
    const { id } = await node.propose(rootProposal(), byFund, key);
    const active = await world.store.accept(id, { termsHash }, byBroker);
    const forgetful = await world.node({ pollEveryMs: 3_600_000 });
    expect(await forgetful.propose(rootProposal(), byFund, key)).toMatchObject({ version: 1, status: 'proposed' });
    expect(await ask(forgetful, active)).toMatchObject({ valid: true });
  });

  it('is cleared when more has changed than a notification can hold', async () => {
    const from = { clock: world.clock, random: systemRandom };
    const node = await world.node({ pollEveryMs: 3_600_000 });
    const root = await givenRoot(world.store);
    await expect.poll(() => ask(node, root), patiently).toMatchObject({ valid: true });
    for (let count = 0; count < 5_001; count++)
      await world.audit.append({
        ...{ id: newId('record', from), type: 'mandate.suspended', source: 'test', outcome: 'done' },
        mandate: { id: newId('mandate', from), version: 1 },
        data: { mandate: { grantee: { lei: broker } } },
      });
    await world.store.revoke(root.id, byFund, 'After the flood');
    await expect.poll(() => ask(node, root), patiently).toMatchObject({ reason: 'mandate_revoked' });
    await expect.poll(() => ask(node, root).then(() => node.remembered()), patiently).toBe(1);
  });
});
