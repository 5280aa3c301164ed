import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { personOf } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { broker } from '../testing/people.ts';
import { createRiskWorld, type RiskWorld } from '../testing/risk-world.ts';
import type { Risk, SeenSignIn } from './risk.ts';

const firefox = 'Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0';
const safari = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/19.0 Safari/605.1.15';
const frankfurt = '192.0.2.7';
const newYork = '198.51.100.7';
const vpn = '203.0.113.7';
const hourMs = 3_600_000;

describe('risk signals about people', () => {
  let world: RiskWorld;
  let risk: Risk;
  let folder: string;
  let networksFile: string;
  let number = 0;
  beforeAll(async () => {
    world = await createRiskWorld();
    folder = await mkdtemp(join(tmpdir(), 'networks-'));
    networksFile = join(folder, 'networks.csv');
    await writeFile(networksFile, '192.0.2.0/24,50.11,8.68,DE\n198.51.100.0/24,40.71,-74.01,US\n203.0.113.0/24,,,\n');
    risk = await world.node({ networksFile });
  });
  afterEach(() => world.audit.repair());
  afterAll(async () => {
    await world.close();
    await rm(folder, { recursive: true });
  });

  const somebody = () => {
    number += 1;
    const person = personOf(`risk${number}`, broker);
    world.directory.add(person);
    return person.id;
  };
  const newKey = () => newId('authenticator', { clock: systemClock, random: systemRandom });
  const key = newKey();
  const from = (person: SeenSignIn['person'], more: Partial<SeenSignIn> = {}): SeenSignIn => ({
    ...{ person, address: frankfurt, userAgent: firefox, device: undefined, authenticator: key },
    ...more,
  });
  const inHours = (hours: number) => new Date(world.clock.now() + hours * hourMs).toISOString();
  const noticesTo = (person: string) => world.notices.filter(({ to }) => to === person).map(({ kind }) => kind);

  it('last until they expire and are recorded first', async () => {
    const person = somebody();
    await risk.raise({ person, name: 'recovery-cooling-off', until: inHours(2), why: 'a key was replaced' });
    expect(risk.of(person)).toEqual(['recovery-cooling-off']);
    expect(world.audit.drafts.findLast(({ type }) => type === 'risk.raised')).toMatchObject({
      subject: { id: person, institution: broker },
      data: { signal: 'recovery-cooling-off', until: inHours(2) },
      protectedValues: [{ path: '/data/why', value: 'a key was replaced' }],
    });
    world.clock.advance(2 * hourMs);
    expect(risk.of(person)).toEqual([]);
  });

  it('are not shortened by a cause with an earlier end, and are extended by one with a later end', async () => {
    const person = somebody();
    const raise = (until: string) => risk.raise({ person, name: 'credential-compromised', until, why: 'x' });
    await raise(inHours(5));
    await raise(inHours(1));
    world.clock.advance(2 * hourMs);
    expect(risk.of(person)).toEqual(['credential-compromised']);
    await raise(inHours(10));
    world.clock.advance(9 * hourMs);
    expect(risk.of(person)).toEqual(['credential-compromised']);
    await risk.raise({ person, name: 'device-new', until: inHours(1), why: 'y' });
    expect(risk.of(person)).toEqual(['credential-compromised', 'device-new']);
  });

  it('are cleared once, with the actor recorded', async () => {
    const person = somebody();
    await risk.raise({ person, name: 'impossible-travel', until: inHours(5), why: 'x' });
    const before = world.audit.ofType('risk.cleared').length;
    await risk.clear(person, 'impossible-travel', 'person:olga.office');
    await risk.clear(person, 'impossible-travel', 'person:olga.office');
    expect(risk.of(person)).toEqual([]);
    const records = world.audit.ofType('risk.cleared').slice(before);
    expect(records).toMatchObject([{ data: { signal: 'impossible-travel', by: 'person:olga.office' } }]);
  });

  it('neither start nor end while nothing can be recorded', async () => {
    const person = somebody();
    world.audit.breakDown('writing');
    const signal = { person, name: 'impossible-travel', until: inHours(5), why: 'x' } as const;
    await expect(risk.raise(signal)).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(risk.of(person)).toEqual([]);
    world.audit.repair();
    await risk.raise(signal);
    world.audit.breakDown('writing');
    await expect(risk.clear(person, 'impossible-travel', 'x')).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(risk.of(person)).toEqual(['impossible-travel']);
  });

  it('are known to every node, including later ones, and to none after they were cleared', async () => {
    const person = somebody();
    const other = await world.node();
    await risk.raise({ person, name: 'impossible-travel', until: inHours(5), why: 'x' });
    await expect.poll(() => other.of(person)).toEqual(['impossible-travel']);
    const late = await world.node();
    expect(late.of(person)).toEqual(['impossible-travel']);
    await other.clear(person, 'impossible-travel', 'person:olga.office');
    await expect.poll(() => [risk.of(person), late.of(person)]).toEqual([[], []]);
  });

  it('are all kept when many are raised at once on two nodes', async () => {
    const other = await world.node();
    const people = Array.from({ length: 40 }, somebody);
    await Promise.all(
      people.map((person, index) =>
        (index % 2 === 0 ? risk : other).raise({ person, name: 'device-new', until: inHours(1), why: 'x' }),
      ),
    );
    for (const node of [risk, other])
      await expect.poll(() => people.filter((person) => node.of(person).length === 0)).toEqual([]);
  });

  describe('a sign-in', () => {
    it('from a place that cannot be reached in the time since the last one is reported, if the networks are known', async () => {
      const person = somebody();
      await risk.signedIn(from(person));
      world.clock.advance(hourMs);
      await risk.signedIn(from(person, { address: vpn }));
      expect(risk.of(person)).not.toContain('impossible-travel');
      await risk.signedIn(from(person, { address: newYork }));
      expect(risk.of(person)).toContain('impossible-travel');
      expect(noticesTo(person)).toContain('impossible-travel');
      world.clock.advance(24 * hourMs);
      expect(risk.of(person)).not.toContain('impossible-travel');
    });

    it('from a distant place after a plausible flight is not reported', async () => {
      const person = somebody();
      await risk.signedIn(from(person));
      world.clock.advance(9 * hourMs);
      await risk.signedIn(from(person, { address: newYork }));
      expect(risk.of(person)).toEqual(['device-new']);
    });

    it.each<[string, Partial<SeenSignIn>]>([
      ['another kind of browser', { userAgent: safari }],
      ['another network', { address: '192.0.2.99' }],
      ['another managed device', { device: 'device:laptop-7' }],
      ['another key', { authenticator: newKey() }],
    ])('with %s than before is reported once, and the first sign-in is not', async (_what, more) => {
      const person = somebody();
      await risk.signedIn(from(person));
      expect(risk.of(person)).toEqual([]);
      await risk.signedIn(from(person, more));
      expect(risk.of(person)).toEqual(['device-new']);
      expect(noticesTo(person)).toEqual(['signed-in-on-new-device']);
      world.clock.advance(5 * hourMs);
      await risk.signedIn(from(person, more));
      await risk.signedIn(from(person));
      expect(risk.of(person)).toEqual([]);
      expect(noticesTo(person)).toHaveLength(1);
    });

    it('in a newer version of the same browser is not reported', async () => {
      const person = somebody();
      await risk.signedIn(from(person));
      await risk.signedIn(from(person, { userAgent: firefox.replaceAll('150', '151') }));
      expect(risk.of(person)).toEqual([]);
    });

    it('on a managed device is recognised by the device, whatever its network', async () => {
      const person = somebody();
      await risk.signedIn(from(person, { device: 'device:laptop-1' }));
      await risk.signedIn(from(person, { device: 'device:laptop-1', address: '192.0.2.201' }));
      expect(risk.of(person)).toEqual([]);
    });

    it('does not fail because a lookup fails', async () => {
      const person = somebody();
      await risk.signedIn(from(person));
      world.audit.breakDown('writing');
      await risk.signedIn(from(person, { userAgent: safari }));
      world.audit.repair();
      // Nothing was stored, so the browser is still new the next time.
      await risk.signedIn(from(person, { userAgent: safari }));
      expect(risk.of(person)).toEqual(['device-new']);
    });
  });

  describe('failed attempts', () => {
    const fail = async (person: SeenSignIn['person'] | undefined, times: number) => {
      for (let time = 0; time < times; time++)
        await risk.failed({ person, address: frankfurt, code: 'authenticator_too_weak' });
    };
    it('are reported once when they exceed the limit within the window', async () => {
      const person = somebody();
      await fail(person, 4);
      expect(risk.of(person)).toEqual([]);
      const before = world.audit.ofType('risk.raised').length;
      await fail(person, 3);
      expect(risk.of(person)).toEqual(['failed-attempts']);
      expect(world.audit.ofType('risk.raised')).toHaveLength(before + 1);
    });

    it('are forgotten after the window', async () => {
      const person = somebody();
      await fail(person, 4);
      world.clock.advance(16 * 60_000);
      await fail(person, 4);
      expect(risk.of(person)).toEqual([]);
    });

    it('without an identified person raise nothing', async () => {
      const before = world.audit.records.length;
      await fail(undefined, 30);
      expect(world.audit.records).toHaveLength(before);
    });
  });

  it('stop the startup if the file of networks is unreadable', async () => {
    await expect(world.node({ networksFile: join(folder, 'missing.csv') })).rejects.toMatchObject({
      code: 'configuration_invalid',
    });
  });
});
