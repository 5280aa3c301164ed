import type { Mandate } from '@countersign/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { broker, rootProposal, termsHash } from './testing/firms.ts';
import { byBroker, byFund, givenRoot, newKey, permittedUse } from './testing/given-mandates.ts';

const dayMs = 86_400_000;
const coded = (code: string) => expect.objectContaining({ code });

/** Sweeps until nothing of other tests is left, and gives each test its own time. */
let world: ConsentWorld;
beforeAll(async () => {
  world = await createConsentWorld();
});
afterAll(() => world.close());

/** A mandate that ends in `days` days. */
function endingIn(days: number, by = world.store): Promise<Mandate> {
  const now = world.clock.now();
  return givenRoot(by, {
    effectiveFrom: new Date(now - dayMs).toISOString(),
    effectiveUntil: new Date(now + days * dayMs).toISOString(),
  });
}

const noticesOf = ({ id }: Mandate) =>
  world.audit
    .ofType('mandate.expiring')
    .filter(({ mandate }) => mandate?.id === id)
    .map(({ data }) => (data as { days: number }).days);

describe('the expiry of a mandate', () => {
  it('takes effect in time, whether anybody has looked or not', async () => {
    const mandate = await endingIn(10);
    const ask = () => {
      const at = world.clock.now();
      return world.store.check({ mandate: mandate.id, actingFor: broker, use: permittedUse(at), at });
    };
    world.clock.advance(10 * dayMs - 1);
    expect(await ask()).toMatchObject({ valid: true });
    world.clock.advance(1);
    expect(await ask()).toMatchObject({ valid: false, reason: 'mandate_expired' });
    expect((await world.store.find(mandate.id))?.status).toBe('active');
    await world.store.sweep();
    expect(await ask()).toMatchObject({ valid: false, reason: 'mandate_expired' });
    expect(await world.store.find(mandate.id)).toMatchObject({ status: 'expired', version: 3 });
    expect(world.audit.ofType('mandate.expired').at(-1)).toMatchObject({
      mandate: { id: mandate.id, version: 3 },
      references: [mandate.recordId],
      data: { mandate: { status: 'expired', previousDigest: mandate.digest } },
    });
  });

  it('applies to proposals too, and nothing more can be done afterwards', async () => {
    const now = world.clock.now();
    const { id } = await world.store.propose(
      rootProposal({
        effectiveFrom: new Date(now).toISOString(),
        effectiveUntil: new Date(now + dayMs).toISOString(),
      }),
      byFund,
      newKey(),
    );
    world.clock.advance(dayMs);
    await world.store.sweep();
    expect((await world.store.find(id))?.status).toBe('expired');
    await expect(world.store.accept(id, { termsHash }, byBroker)).rejects.toThrow(coded('mandate_expired'));
    await expect(world.store.revoke(id, byFund, 'Too late')).rejects.toThrow(coded('mandate_expired'));
    await expect(world.store.resume(id, byFund, 'Too late')).rejects.toThrow(coded('mandate_expired'));
  });

  it('cannot be postponed by resuming an expired mandate', async () => {
    const mandate = await endingIn(1);
    await world.store.suspend(mandate.id, byFund, 'Review');
    world.clock.advance(dayMs);
    await expect(world.store.resume(mandate.id, byFund, 'Done')).rejects.toThrow(coded('mandate_expired'));
  });

  it('is recorded once, however many nodes look at once', async () => {
    const other = await world.node();
    const mandates = await Promise.all(Array.from({ length: 20 }, () => endingIn(2)));
    world.clock.advance(2 * dayMs);
    const swept = await Promise.all([world.store.sweep(), other.sweep(), world.store.sweep()]);
    expect((swept[0]?.expired ?? 0) + (swept[1]?.expired ?? 0)).toBeGreaterThanOrEqual(20);
    const ids = new Set<string>(mandates.map(({ id }) => id));
    const records = world.audit.ofType('mandate.expired').filter(({ mandate }) => ids.has(mandate?.id ?? ''));
    expect(records).toHaveLength(20);
    for (const { id } of mandates) expect(await world.store.history(id)).toHaveLength(3);
  });

  it('is not recorded while the log is down, and is recorded at the next look', async () => {
    const mandate = await endingIn(1);
    world.clock.advance(dayMs);
    world.audit.breakDown('writing');
    await expect(world.store.sweep()).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    expect((await world.store.find(mandate.id))?.status).toBe('active');
    await world.store.sweep();
    expect((await world.store.find(mandate.id))?.status).toBe('expired');
  });
});

describe('expiry notices', () => {
  it('are given thirty days, seven days and one day before, once each', async () => {
    const mandate = await endingIn(60);
    for (const [days, given] of [
      [29, []],
      [1, [30]],
      [0, [30]],
      [22, [30]],
      [1, [30, 7]],
      [6, [30, 7, 1]],
    ] as const) {
      world.clock.advance(days * dayMs);
      await world.store.sweep();
      expect(noticesOf(mandate)).toEqual(given);
    }
    expect(world.audit.ofType('mandate.expiring').at(-1)).toMatchObject({
      outcome: 'done',
      mandate: { id: mandate.id, version: 2 },
      data: {
        mandate: { id: mandate.id, grantor: { lei: mandate.grantor.lei }, grantee: { lei: broker } },
        effective_until: mandate.effectiveUntil,
        days: 1,
      },
    });
  });

  it('are not repeated when several have been missed', async () => {
    const mandate = await endingIn(40);
    world.clock.advance(35 * dayMs);
    await world.store.sweep();
    expect(noticesOf(mandate)).toEqual([7]);
  });

  it('are neither lost nor repeated when the mandate gets a new version', async () => {
    const mandate = await endingIn(31);
    world.clock.advance(dayMs);
    await world.store.suspend(mandate.id, byFund, 'Just then');
    await world.store.sweep();
    await world.store.resume(mandate.id, byFund, 'Done');
    await world.store.sweep();
    expect(noticesOf(mandate)).toEqual([30]);
  });

  it('are given again for a changed end', async () => {
    const mandate = await endingIn(31);
    world.clock.advance(dayMs);
    await world.store.sweep();
    const effectiveUntil = new Date(world.clock.now() + 60 * dayMs).toISOString();
    const { amendment } = await world.store.amend(mandate.id, { effectiveUntil }, byFund, newKey());
    await world.store.acceptAmendment(mandate.id, { termsDigest: amendment?.termsDigest ?? '' }, byBroker);
    world.clock.advance(30 * dayMs);
    await world.store.sweep();
    expect(noticesOf(mandate)).toEqual([30, 30]);
  });

  it('are not given for a mandate that is not in force', async () => {
    const now = world.clock.now();
    const ending = {
      effectiveFrom: new Date(now).toISOString(),
      effectiveUntil: new Date(now + 31 * dayMs).toISOString(),
    };
    const proposed = await world.store.propose(rootProposal(ending), byFund, newKey());
    const revoked = await givenRoot(world.store, ending);
    await world.store.revoke(revoked.id, byFund, 'End');
    world.clock.advance(2 * dayMs);
    await world.store.sweep();
    expect([...noticesOf(proposed), ...noticesOf(revoked)]).toEqual([]);
  });

  it('are recorded once, also when a node stops between recording and remembering it', async () => {
    const mandate = await endingIn(31);
    world.clock.advance(dayMs);
    const pool = world.scratch.pool('consent-store');
    await world.store.sweep();
    await pool.query(`update mandates set noticed_days = null, look_at = $2 where id = $1`, [
      mandate.id,
      new Date(world.clock.now()),
    ]);
    await world.store.sweep();
    expect(noticesOf(mandate)).toEqual([30]);
  });

  it('follow the configured days', async () => {
    const other = await world.node({ noticeDays: [3] });
    const mandate = await endingIn(30, other);
    world.clock.advance(26 * dayMs);
    await other.sweep();
    expect(noticesOf(mandate)).toEqual([]);
    world.clock.advance(dayMs);
    await other.sweep();
    expect(noticesOf(mandate)).toEqual([3]);
  });
});
