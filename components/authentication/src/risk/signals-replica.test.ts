import { createLogger } from '@countersign/runtime';
import { codeOf, personOf } from '@countersign/testkit';
import { describePersonSignals } from '@countersign/testkit/conformance';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSignalsReplica, type Risk, type SignalsReplica, type SignalsReplicaDependencies } from '../index.ts';
import { broker } from '../testing/people.ts';
import { createRiskWorld, type RiskWorld } from '../testing/risk-world.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const hourMs = 3_600_000;

function somebodyOf(world: RiskWorld) {
  let number = 0;
  return () => {
    number += 1;
    const person = personOf(`signal${number}`, broker);
    world.directory.add(person);
    return person.id;
  };
}

for (const who of ['the owner', 'a replica'] as const)
  describePersonSignals(who, async () => {
    const world = await createRiskWorld();
    const [owner, elsewhere] = [await world.node(), await world.node()];
    const { audit: log, clock } = world;
    const replica = who === 'a replica' ? await createSignalsReplica({ source: owner, log, clock, logger }) : undefined;
    return {
      ...{ elsewhere, reader: replica ?? owner, clock, somebody: somebodyOf(world) },
      async close() {
        await replica?.stop();
        await world.close();
      },
    };
  });

describe('a replica of risk signals', () => {
  let world: RiskWorld;
  let owner: Risk;
  let somebody: ReturnType<typeof somebodyOf>;
  const replicas: SignalsReplica[] = [];
  beforeEach(async () => {
    world = await createRiskWorld();
    owner = await world.node();
    somebody = somebodyOf(world);
  });
  afterEach(async () => {
    world.audit.repair();
    await Promise.all(replicas.splice(0).map((replica) => replica.stop()));
    await world.close();
  });

  async function open(options: Partial<SignalsReplicaDependencies> = {}): Promise<SignalsReplica> {
    const { audit: log, clock } = world;
    const replica = await createSignalsReplica({ source: owner, log, clock, logger, everyMs: 50, ...options });
    replicas.push(replica);
    return replica;
  }
  const raise = (person: ReturnType<typeof somebody>, hours = 2) =>
    owner.raise({
      person,
      name: 'credential-compromised',
      until: new Date(world.clock.now() + hours * hourMs).toISOString(),
      why: 'a test',
    });
  const codeNow = (replica: SignalsReplica, person: string) => codeOf(Promise.resolve().then(() => replica.of(person)));

  it('reads earlier signals page by page when it starts, without expired ones', async () => {
    const [over, long] = [somebody(), somebody()];
    await raise(over, 1);
    await raise(long, 24 * 300);
    world.clock.advance(24 * 200 * hourMs);
    for (let number = 0; number < 1_500; number++)
      world.audit.write({
        type: 'risk.raised',
        subject: { id: `person:many${number % 700}` },
        data: { signal: 'device-new', until: new Date(world.clock.now() + hourMs).toISOString() },
      });
    const replica = await open();
    expect(replica.of(over)).toEqual([]);
    expect(replica.of(long)).toEqual(['credential-compromised']);
    expect(replica.of('person:many699')).toEqual(['device-new']);
  });

  it('does not depend on rows: deleting them clears nobody', async () => {
    const person = somebody();
    await raise(person);
    await world.database.pool('authentication').query('delete from person_signals');
    const replica = await open();
    expect(replica.of(person)).toEqual(['credential-compromised']);
  });

  it('refuses once the log has been unreadable for some seconds, and continues when it is readable', async () => {
    const person = somebody();
    const replica = await open({ maxAgeMs: 300 });
    world.audit.breakDown();
    expect(replica.of(person)).toEqual([]);
    await expect.poll(() => codeNow(replica, person)).toBe('signals_behind');
    world.audit.repair();
    await expect.poll(() => codeNow(replica, person)).toBe('nothing was refused');
  });

  it('does not answer from an old state while a signal raised through it cannot be read', async () => {
    const person = somebody();
    const replica = await open({
      source: {
        async raise(signal) {
          await owner.raise(signal);
          world.audit.breakDown('reading');
        },
        clear: (...cleared) => owner.clear(...cleared),
      },
      everyMs: 3_600_000,
    });
    const until = new Date(world.clock.now() + hourMs).toISOString();
    await replica.raise({ person, name: 'device-new', until, why: 'a test' });
    expect(await codeNow(replica, person)).toBe('signals_behind');
    world.audit.repair();
    await replica.refresh();
    expect(replica.of(person)).toEqual(['device-new']);
  });

  it('does not start without the log', async () => {
    world.audit.breakDown();
    expect(await codeOf(open())).toBe('log_unavailable');
  });
});
