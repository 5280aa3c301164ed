import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { personOf } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { broker } from '../testing/people.ts';
import { createRiskWorld, type RiskWorld } from '../testing/risk-world.ts';
import type { Risk } from './risk.ts';

const ines = personOf('ines', broker);
const hourMs = 3_600_000;

describe('a signal whose process stopped after its record', () => {
  let world: RiskWorld;
  let risk: Risk;
  beforeEach(async () => {
    world = await createRiskWorld();
    world.directory.add(ines);
    risk = await world.node();
  });
  afterEach(() => world.close());

  const idsOf = (type: string) => world.audit.drafts.filter((draft) => draft.type === type).map(({ id }) => id);
  const inHours = (hours: number) => new Date(world.clock.now() + hours * hourMs).toISOString();
  const raise = (until: string) =>
    risk.raise({ person: ines.id, name: 'credential-compromised', until, why: 'a key was seen elsewhere' });

  it('is raised once when repeated, and is in force', async () => {
    const until = inHours(5);
    world.dieAfter('risk.raised');
    await expect(raise(until)).rejects.toThrow('the process died');
    await raise(until);
    expect(risk.of(ines.id)).toEqual(['credential-compromised']);
    expect(idsOf('risk.raised')).toHaveLength(1);
  });

  it('is cleared once when repeated, and may be raised again', async () => {
    const until = inHours(5);
    await raise(until);
    world.dieAfter('risk.cleared');
    await expect(risk.clear(ines.id, 'credential-compromised', 'person:olivia')).rejects.toThrow('the process died');
    expect(risk.of(ines.id)).toEqual(['credential-compromised']);
    await risk.clear(ines.id, 'credential-compromised', 'person:olivia');
    expect(risk.of(ines.id)).toEqual([]);
    expect(idsOf('risk.cleared')).toHaveLength(1);
    await raise(until);
    expect(risk.of(ines.id)).toEqual(['credential-compromised']);
    expect(idsOf('risk.raised')).toHaveLength(2);
  });

  it('is raised by the next failed attempt if the process stopped at the attempt that reached the limit', async () => {
    const failed = () => risk.failed({ person: ines.id, address: '192.0.2.7', code: 'assertion_signature' });
    for (let attempt = 1; attempt < 5; attempt++) await failed();
    world.dieAfter('risk.raised');
    await failed();
    expect(risk.of(ines.id)).toEqual([]);
    await failed();
    expect(risk.of(ines.id)).toEqual(['failed-attempts']);
    expect(new Set(idsOf('risk.raised')).size).toBe(1);
  });

  it('is raised by the next sign-in of that kind, because the observation is stored with the signal', async () => {
    const authenticator = newId('authenticator', { clock: systemClock, random: systemRandom });
    const from = (address: string) => ({
      ...{ person: ines.id, address, device: undefined, authenticator },
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0',
    });
    await risk.signedIn(from('192.0.2.7'));
    world.dieAfter('risk.raised');
    await risk.signedIn(from('203.0.113.7'));
    expect(risk.of(ines.id)).toEqual([]);
    await risk.signedIn(from('203.0.113.7'));
    expect(risk.of(ines.id)).toEqual(['device-new']);
  });
});
