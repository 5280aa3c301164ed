import type { Mandate, RecordType } from '@countersign/contracts';
import { toInstant } from '@countersign/kernel';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { constraints, rootProposal, termsHash } from './testing/firms.ts';
import { byBroker, byFund, givenRoot, newKey } from './testing/given-mandates.ts';

/** As in the transaction registry: the connection breaks between the record of a step and its commit. */
describe('a step of a mandate whose process died after its record', () => {
  let world: ConsentWorld;
  let admin: pg.Pool;
  beforeAll(async () => {
    world = await createConsentWorld();
    admin = world.scratch.pool('consent-store', { maxConnections: 1 });
  });
  afterAll(() => world.close());

  const coded = (code: string) => expect.objectContaining({ code });

  /** Asks, is interrupted, and asks again. @returns the answer; checks that there is exactly one more record of this type */
  async function askedTwice(type: RecordType, step: () => Promise<Mandate>): Promise<Mandate> {
    const before = world.audit.ofType(type).length;
    world.audit.afterNextAppend(async () => {
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
      );
    });
    await expect(step()).rejects.toThrow(coded('database_unavailable'));
    const mandate = await step();
    const records = world.audit.ofType(type).slice(before);
    expect(records.map(({ id, mandate: about }) => [id, about])).toEqual([
      [mandate.recordId, { id: mandate.id, version: mandate.version }],
    ]);
    return mandate;
  }

  it('is proposed once under a key, and nothing else is', async () => {
    const key = newKey();
    const proposed = await askedTwice('mandate.proposed', () => world.store.propose(rootProposal(), byFund, key));
    expect(proposed).toMatchObject({ version: 1, status: 'proposed' });
    expect(await world.store.propose(rootProposal(), byFund, key)).toMatchObject({ id: proposed.id });

    const other = newKey();
    world.audit.afterNextAppend(async () => {
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
      );
    });
    await expect(world.store.propose(rootProposal(), byFund, other)).rejects.toThrow(coded('database_unavailable'));
    const narrower = rootProposal({ constraints: { ...constraints, venues: ['XETR'] } });
    await expect(world.store.propose(narrower, byFund, other)).rejects.toThrow(coded('idempotency_conflict'));
  });

  it('is accepted, suspended, resumed and revoked once', async () => {
    const { id } = await world.store.propose(rootProposal(), byFund, newKey());
    await askedTwice('mandate.accepted', () => world.store.accept(id, { termsHash }, byBroker));
    for (let round = 0; round < 2; round++) {
      await askedTwice('mandate.suspended', () => world.store.suspend(id, byFund, 'Looked into'));
      await askedTwice('mandate.resumed', () => world.store.resume(id, byFund, 'Cleared'));
    }
    const revoked = await askedTwice('mandate.revoked', () => world.store.revoke(id, byFund, 'Ended'));
    expect(revoked).toMatchObject({ version: 7, status: 'revoked' });
    expect((await world.store.history(id)).map(({ version }) => version)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });

  it('is proposed once by concurrent repetitions on two nodes, and later steps do not change the answer', async () => {
    const other = await world.node({ pool: world.scratch.pool('consent-store') });
    const key = newKey();
    const proposals = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        (index % 2 === 0 ? world.store : other).propose(rootProposal(), byFund, key),
      ),
    );
    const [first] = proposals;
    if (first === undefined) throw new Error('nothing was proposed');
    expect(new Set(proposals.map(({ digest }) => digest)).size).toBe(1);
    await world.store.accept(first.id, { termsHash }, byBroker);
    expect(await other.propose(rootProposal(), byFund, key)).toEqual(first);
  });

  it('withdraws an amendment once, and expires once', async () => {
    const now = world.clock.now();
    const [effectiveFrom, effectiveUntil] = [toInstant(now - 1_000), toInstant(now + 60_000)];
    const root = await givenRoot(world.store, { effectiveFrom, effectiveUntil });
    await world.store.amend(root.id, { constraints: { ...constraints, venues: ['XETR'] } }, byFund, newKey());
    const withdrawn = await askedTwice('mandate.amendment-withdrawn', () =>
      world.store.withdrawAmendment(root.id, byFund, 'Not wanted'),
    );
    expect(withdrawn).not.toHaveProperty('amendment');
    world.clock.advance(60_000);
    await askedTwice('mandate.expired', async () => {
      await world.store.sweep();
      return (await world.store.find(root.id)) ?? withdrawn;
    });
    expect(await world.store.find(root.id)).toMatchObject({ version: 5, status: 'expired' });
  });

  it('is amended once under a key, and the next step builds on it', async () => {
    const root = await givenRoot(world.store);
    const key = newKey();
    const change = { constraints: { ...constraints, venues: ['XETR'] } };
    const amended = await askedTwice('mandate.amendment-proposed', () =>
      world.store.amend(root.id, change, byFund, key),
    );
    expect(await world.store.amend(root.id, change, byFund, key)).toMatchObject({ version: amended.version });
    // Under another key it is another amendment, and one is already pending.
    await expect(world.store.amend(root.id, change, byFund, newKey())).rejects.toThrow(coded('amendment_pending'));
    const agreed = await askedTwice('mandate.amended', () =>
      world.store.acceptAmendment(root.id, { termsDigest: amended.amendment?.termsDigest ?? '' }, byBroker),
    );
    expect(agreed.constraints.venues).toEqual(['XETR']);
  });
});
