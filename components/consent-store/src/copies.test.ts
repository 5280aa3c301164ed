import type { Mandate, MandateCopy } from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { broker, fund, stranger } from './testing/firms.ts';
import { byBroker, byFund, givenRoot } from './testing/given-mandates.ts';

let world: ConsentWorld;
beforeAll(async () => {
  world = await createConsentWorld();
});
afterAll(() => world.close());

const copyOf = ({ id, version, digest }: Mandate): MandateCopy => ({ id, version, digest });

describe('comparing a partner’s copies', () => {
  it('reports no drift for equal copies, and records that', async () => {
    const root = await givenRoot(world.store);
    expect(await world.store.compareCopies(broker, [copyOf(root)], byBroker)).toEqual([]);
    expect(world.audit.ofType('mandate.copy-compared').at(-1)).toMatchObject({
      subject: byBroker,
      data: { institution: broker, compared: 1, complete: false, counts: {}, drifts: [] },
    });
  });

  it('distinguishes an old copy from a wrong one', async () => {
    const root = await givenRoot(world.store);
    const suspended = await world.store.suspend(root.id, byFund, 'Review');
    const ours = { version: 3, digest: suspended.digest, status: 'suspended' };
    const copies = [
      [copyOf(root), 'behind'],
      [{ ...copyOf(root), digest: digestOf('forged') }, 'differs'],
      [{ ...copyOf(suspended), digest: root.digest }, 'differs'],
      [{ ...copyOf(suspended), version: 4 }, 'differs'],
    ] as const;
    for (const [copy, kind] of copies) {
      const theirs = { version: copy.version, digest: copy.digest };
      expect(await world.store.compareCopies(broker, [copy], byBroker)).toEqual([{ id: root.id, kind, theirs, ours }]);
    }
    expect(world.audit.ofType('mandate.copy-compared').at(-1)?.data).toMatchObject({ counts: { differs: 1 } });
  });

  it('reveals only the caller’s own mandates', async () => {
    const root = await givenRoot(world.store);
    const absent = { id: 'mnd_00000000000000000000000000', version: 1, digest: root.digest };
    expect(await world.store.compareCopies(stranger, [copyOf(root), absent], byBroker)).toMatchObject([
      { id: root.id, kind: 'unknown-here' },
      { id: absent.id, kind: 'unknown-here' },
    ]);
  });

  it('reports mandates missing from a complete set of copies, except ended ones', async () => {
    const own = await createConsentWorld();
    const [held, missing, over] = [await givenRoot(own.store), await givenRoot(own.store), await givenRoot(own.store)];
    await own.store.revoke(over.id, byFund, 'End');
    expect(await own.store.compareCopies(fund, [copyOf(held)], byFund)).toEqual([]);
    expect(await own.store.compareCopies(fund, [copyOf(held)], byFund, { complete: true })).toEqual([
      {
        id: missing.id,
        kind: 'missing-there',
        ours: { version: missing.version, digest: missing.digest, status: 'active' },
      },
    ]);
    await own.close();
  });

  it('compares at most ten thousand, and records what a record can hold', async () => {
    const copies = Array.from({ length: 10_001 }, (_, index) => ({
      id: `mnd_${String(index).padStart(26, '0')}`,
      version: 1,
      digest: digestOf(index),
    }));
    const drifts = await world.store.compareCopies(broker, copies.slice(1), byBroker);
    expect(drifts).toHaveLength(10_000);
    const record = world.audit.ofType('mandate.copy-compared').at(-1);
    expect(record?.data).toMatchObject({ counts: { 'unknown-here': 10_000 }, drifts_digest: digestOf(drifts) });
    expect(Buffer.byteLength(JSON.stringify(record))).toBeLessThan(65_535);
    await expect(world.store.compareCopies(broker, copies, byBroker)).rejects.toThrow(/mandate_invalid/);
  });

  it.each([
    ['an invalid version', { version: 0 }],
    ['a version beyond all counting', { version: 2 ** 40 }],
    ['a version between two', { version: 1.5 }],
    ['text that is not an id', { id: 'Anna Keller, 1 Main Street' }],
    ['text that is not a digest', { digest: 'anna.keller@example.com' }],
  ])('refuses %s', async (_, changes) => {
    const root = await givenRoot(world.store);
    await expect(world.store.compareCopies(broker, [{ ...copyOf(root), ...changes }], byBroker)).rejects.toThrow(
      /mandate_invalid/,
    );
  });

  it('refuses two copies of one mandate, and answers nothing that it could not record', async () => {
    const root = await givenRoot(world.store);
    await expect(world.store.compareCopies(broker, [copyOf(root), copyOf(root)], byBroker)).rejects.toThrow(
      /mandate_invalid/,
    );
    world.audit.breakDown('writing');
    await expect(world.store.compareCopies(broker, [copyOf(root)], byBroker)).rejects.toThrow(/log_unavailable/);
    world.audit.repair();
  });
});
