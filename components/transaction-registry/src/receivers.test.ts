import type { Contract } from '@countersign/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { broker, clearer, fund } from '../../consent-store/src/testing/firms.ts';
import { createLivesWorld, type LivesWorld } from './testing/lives-world.ts';

// The receiver or holder of what moves passes the policy gates, also when the intent names only an address or an agreement.

let world: LivesWorld;
let registry: LivesWorld['registry'];
const agreements = new Map<string, Contract>();
beforeAll(async () => {
  world = await createLivesWorld();
  const directory = {
    snapshot: () => ({ ...world.directory.snapshot(), contract: (id: string) => agreements.get(id) }),
  };
  registry = world.registryWith({ directory });
});
afterAll(() => world.close());

const agreement = (change: Partial<Contract> = {}) =>
  agreements.set('CSA-1', {
    id: 'CSA-1',
    institution: broker,
    type: 'CSA',
    parties: [
      { lei: broker, role: 'pledgor' },
      { lei: clearer, role: 'secured-party' },
    ],
    from: '2025-01-01',
    ...change,
  });

describe('of a withdrawal the policies see', () => {
  it('the beneficiary of its entry in the address book', async () => {
    const { id } = await world.begin('withdrawal', {
      address_id: await world.activeAddress({ beneficiary_lei: fund }),
    });
    expect(await registry.facts(id)).toMatchObject({ receivers: [fund] });
    await world.step(id, 'request');
    const [asked] = world.policyEngine.asked.slice(-1);
    expect(asked?.resource).toMatchObject({ facts: { receivers: [fund] } });
  });

  it('nobody, without such an entry: the missing entry itself is refused', async () => {
    const { id } = await world.begin('withdrawal', { address_id: 'txn_00000000000000000000000000' });
    expect(await registry.facts(id)).toMatchObject({ destinationKnown: false });
    expect(await registry.facts(id)).not.toHaveProperty('receivers');
  });
});

describe('of collateral the policies see', () => {
  const collateral = async () => (await world.begin('collateral_transfer', { agreement_id: 'CSA-1' })).id;

  it('the other parties of its agreement, while it is in force', async () => {
    const id = await collateral();
    agreement();
    expect(await registry.facts(id)).toMatchObject({ agreementKnown: true, receivers: [clearer] });
    for (const [change, known] of [
      [{ until: '2026-06-15' }, true],
      [{ until: '2026-06-14' }, false],
      [{ from: '2026-06-15' }, true],
      [{ from: '2026-06-16' }, false],
    ] as const) {
      agreement(change);
      expect((await registry.facts(id))?.agreementKnown).toBe(known);
    }
  });

  it.each<[string, () => void]>([
    ['is not registered', () => agreements.clear()],
    ['names nobody else', () => agreement({ parties: [{ lei: broker, role: 'pledgor' }] })],
    [
      'is between others',
      () =>
        agreement({
          institution: clearer,
          parties: [
            { lei: clearer, role: 'a' },
            { lei: fund, role: 'b' },
          ],
        }),
    ],
  ])('an unknown agreement when it %s', async (_, is) => {
    is();
    expect((await registry.facts(await collateral()))?.agreementKnown).toBe(false);
  });
});
