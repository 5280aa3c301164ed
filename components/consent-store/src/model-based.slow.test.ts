import type { MandateId } from '@countersign/kernel';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type RunningConsentStore, verifyMandateVersions } from './index.ts';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { broker, clearer } from './testing/firms.ts';
import { permittedUse } from './testing/given-mandates.ts';
import { allows, headsOf, historiesOf, isALife, restsOnEveryParty } from './testing/mandate-model.ts';
import { createRandomClients, firms, type RandomClients, randomStep, type Step } from './testing/random-clients.ts';

// Random clients on two nodes at once, with clock jumps and log failures, compared with a model that knows only the records.

/** A chain of two: random clients seldom make a longer one, and may make none in the whole test. */
const beginning: readonly Step[] = [
  { do: 'grant', under: -1, to: firms.indexOf(broker), days: 60, venues: 0, accepted: true },
  { do: 'grant', under: 0, to: firms.indexOf(clearer), days: 60, venues: 0, accepted: true },
];

/** Some steps run together; then the next. */
const rounds = fc.array(fc.array(randomStep, { minLength: 1, maxLength: 5 }), { minLength: 6, maxLength: 16 });

interface Seen {
  longestChain: number;
  refused: number;
  readonly statuses: Set<string>;
}

async function compare(
  { world, other, clients }: { world: ConsentWorld; other: RunningConsentStore; clients: RandomClients },
  seen: Seen,
): Promise<void> {
  const histories = historiesOf(world.audit.records);
  const heads = headsOf(histories);
  const keys = await world.signer.publicKeys('mandate');
  const at = world.clock.now();
  for (const id of clients.mandates) expect(heads.has(id)).toBe(true);
  for (const [id, history] of histories) {
    // No step is lost or duplicated, and each was recorded.
    expect(await world.store.history(id as MandateId)).toEqual(history);
    expect(verifyMandateVersions(history, keys, [...histories.values()].flat())).toMatchObject({ ok: true });
    expect(isALife(history)).toBe(true);
    expect(history.every(restsOnEveryParty)).toBe(true);
    const head = heads.get(id);
    seen.statuses.add(head?.amendment === undefined ? (head?.status ?? '') : 'amending');
  }
  for (const id of heads.keys())
    for (const actingFor of firms)
      for (const venue of ['XETR', 'XPAR', 'XLON']) {
        const use = permittedUse(at, { venue });
        const question = { mandate: id as MandateId, actingFor, use, at };
        const allowed = allows(heads, id, actingFor, use);
        const answer = await world.store.check(question);
        expect([id, actingFor, venue, answer.valid]).toEqual([id, actingFor, venue, allowed]);
        // The other node has evicted most of it, and sees changes a moment later.
        await expect.poll(async () => (await other.check(question)).valid, { timeout: 60_000 }).toBe(allowed);
        if (answer.valid) seen.longestChain = Math.max(seen.longestChain, answer.chain.length);
        else seen.refused++;
      }
}

it('gives no authority without a valid chain and loses no step, whatever is requested, concurrently, on two nodes', async () => {
  const seen: Seen = { longestChain: 0, refused: 0, statuses: new Set() };
  await fc.assert(
    fc.asyncProperty(rounds, fc.infiniteStream(fc.boolean()), fc.nat({ max: 30 }), async (script, coins, failing) => {
      const world = await createConsentWorld();
      const other = await world.node({ remembered: 3 });
      const clients = createRandomClients(world);
      for (const step of beginning) await clients.take(step, world.store);
      for (const [index, round] of script.entries()) {
        if (index === failing) world.audit.breakDown('writing');
        await Promise.all(round.map((step) => clients.take(step, coins.next().value ? world.store : other)));
        world.audit.repair();
      }
      await compare({ world, other, clients }, seen);
      await world.close();
    }),
    { numRuns: 12, endOnFailure: true },
  );
  // Without these the property could hold vacuously.
  expect(seen.longestChain).toBeGreaterThan(1);
  expect(seen.refused).toBeGreaterThan(0);
  expect([...seen.statuses]).toEqual(expect.arrayContaining(['active', 'proposed', 'revoked']));
}, 120_000);
