import type { Person } from '@countersign/contracts';
import { membersOf } from '@countersign/kernel';
import { personOf } from '@countersign/testkit';
import type { SoftwareAuthenticator } from '@countersign/webauthn/software-authenticator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKeyHolders, signInWithKey } from './testing/key-holders.ts';
import { broker } from './testing/people.ts';
import { createSignInWorld, returnTo, type SignInNode, type SignInWorld } from './testing/sign-in-world.ts';

/** The benchmark does the same with a thousand. */
const ceremonies = 300;
const atOnce = 32;
/** A real key works sequentially: each parallel worker has people of its own. */
const peopleEach = 2;

interface Holder {
  readonly person: Person;
  readonly key: SoftwareAuthenticator;
  signIns: number;
}

describe('hundreds of sign-ins, 32 at once, on two nodes', () => {
  let world: SignInWorld;
  let holders: Awaited<ReturnType<typeof createKeyHolders>>;
  beforeAll(async () => {
    world = await createSignInWorld();
    holders = await createKeyHolders();
  });
  afterAll(async () => {
    await world.close();
    await holders.close();
  });

  async function holder(number: number, node: SignInNode): Promise<Holder> {
    const person = personOf(`load-${number}`, broker, 'trader');
    world.directory.add(person);
    return { person, key: await holders.keyOf(node, person), signIns: 0 };
  }

  it('start exactly one session each, with its record, and lose no key counter', async () => {
    const config = {
      methods: ['webauthn' as const],
      authenticators: { rootsFile: holders.rootsFile },
      // All requests come from one address, within one minute of a stopped clock.
      limits: { perAddress: 1_000_000, perBrowser: 1_000_000 },
    };
    const [one, other] = [world.node(config), world.node(config)];
    const lanes: Holder[][] = [];
    for (let lane = 0; lane < atOnce; lane++) {
      const own: Holder[] = [];
      for (let seat = 0; seat < peopleEach; seat++) own.push(await holder(lane * peopleEach + seat, one));
      lanes.push(own);
    }

    let begun = 0;
    const answers: { readonly status: number; readonly location: unknown; readonly cookie: string | undefined }[] = [];
    const drive = async (people: readonly Holder[]): Promise<void> => {
      for (let turn = 0; begun < ceremonies; turn++) {
        const next = people[turn % people.length];
        if (next === undefined) throw new Error('a lane without people');
        begun += 1;
        // Each key is used on both nodes in turn: the counter of one binds the other.
        const node = Math.floor(turn / people.length) % 2 === 0 ? one : other;
        const browser = node.browser();
        const { answer } = await signInWithKey(node, browser, next.key);
        next.signIns += 1;
        answers.push({
          status: answer.statusCode,
          location: answer.headers.location,
          cookie: browser.cookies.get('countersign-session'),
        });
      }
    };
    await Promise.all(lanes.map(drive));

    expect(answers).toHaveLength(ceremonies);
    expect(answers.filter(({ status, location }) => status !== 303 || location !== returnTo)).toEqual([]);
    expect(new Set(answers.map(({ cookie }) => cookie)).size).toBe(ceremonies);

    const standing: string[] = [];
    const counts: (readonly [string, number | undefined])[] = [];
    for (const { person, key, signIns } of lanes.flat()) {
      const sessions = await one.authentication.sessionsOf(person.id);
      expect(sessions).toHaveLength(signIns);
      standing.push(...sessions.map(({ session }) => session));
      const { counter } = key.save()[0] ?? {};
      expect(counter).toBe(signIns);
      counts.push([person.id, counter]);
    }
    expect(await world.counters()).toEqual(new Map(counts));
    const recorded = world.audit.ofType('session.started').map(({ data }) => membersOf(data)?.['session']);
    expect(recorded).toHaveLength(ceremonies);
    expect(recorded.toSorted()).toEqual(standing.toSorted());
    expect(await world.rows('sessions')).toBe(ceremonies);
    expect(world.audit.records.filter(({ outcome }) => outcome === 'deny')).toEqual([]);
  });
});
