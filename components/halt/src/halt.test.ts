import type { Requester } from '@countersign/contracts';
import { haltableParties, haltInForce, haltSubject, haltsInForce } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import {
  codeOf,
  createMemoryLog,
  createTestDatabase,
  everybodyIndependent,
  everyProposerActive,
  fixedClock,
} from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { latestTrip } from './halt.ts';
import { createHalt, type Halt, haltMigrations } from './index.ts';

const operator = '5493001KJTIIGC8Y1R12';
const firm = '549300BROKEREXAMPL60';
const person = (name: string, institution = operator): Requester => ({
  id: `person:${name}`,
  institution,
  through: [],
});
const olga = person('olga');
const ari = person('ari');
const cleo = person('cleo');
const ben = person('ben', firm);

async function createWorld() {
  const scratch = await createTestDatabase({ components: [haltMigrations] });
  const clock = fixedClock(Math.floor(Date.now() / 1_000) * 1_000);
  const log = createMemoryLog(clock, { anyReferences: true });
  const known: Readonly<Record<string, object>> = {
    [operator]: { lei: operator },
    [firm]: { lei: firm },
    [`${firm}/rates`]: { institution: firm },
    'person:tom': { kind: 'person', institution: firm, desk: 'rates' },
    'agent:vwap-1': { kind: 'agent', institution: firm, desk: 'rates' },
    'oms-1': { institution: firm },
    XETR: {},
    US0378331005: { cfi: 'ESVUFR' },
  };
  const lookUp = (id: string) => known[id];
  const directory = {
    // The only parts of the snapshot that are read.
    snapshotAtLeast: async () =>
      ({
        ...{ institution: lookUp, desk: lookUp, knownPrincipal: lookUp, client: lookUp, venue: lookUp },
        ...{ principal: lookUp, instrument: lookUp },
      }) as never,
  };
  const node = (changes: object = {}): Halt =>
    createHalt({
      pool: scratch.pool('halt'),
      audit: log,
      directory,
      proposerStanding: everyProposerActive,
      independence: everybodyIndependent,
      ...{ operator, clock, random: systemRandom },
      logger: createLogger({ level: 'silent', name: 'test' }),
      ...changes,
    });
  return { scratch, clock, log, node, halt: node(), snapshot: await directory.snapshotAtLeast() };
}

let world: Awaited<ReturnType<typeof createWorld>>;
let halt: Halt;
beforeEach(async () => {
  world = await createWorld();
  halt = world.halt;
});
afterEach(async () => world.scratch.drop());

const tripped = async (by = olga) => latestTrip(await halt.trip({ kind: 'desk', id: `${firm}/rates` }, 'runaway', by));
async function released(trip: string): Promise<void> {
  const { id, digest } = await halt.proposeRelease(trip, 'mended', ari);
  await halt.approveRelease(id, digest, cleo);
}
const order = {
  principals: ['person:tom'],
  clients: ['oms-1'],
  institutions: [firm],
  intent: {
    venue_mic: 'XETR',
    instrument: { isin: 'US0378331005', cfi: 'ESVUFR' },
    parties: [{ lei: operator, role: 'ClearingFirm' }],
  },
};
const stopping = async (of: object = {}) =>
  haltInForce(haltableParties({ ...order, ...of }, world.snapshot), world.log);

describe('tripping', () => {
  it('is by one person, recorded, and in force for the target', async () => {
    const trip = await tripped();
    expect(world.log.ofType('halt.tripped')).toMatchObject([
      { id: trip, subject: { id: 'person:olga' }, data: { kind: 'desk', id: `${firm}/rates`, party: 'operator' } },
    ]);
    expect(await stopping()).toMatchObject({ kind: 'desk', record: trip });
    expect(await stopping({ principals: [] })).toBeUndefined();
    expect(await halt.list(olga, 'in-force')).toMatchObject([{ kind: 'desk', trips: [{ record: trip }] }]);
  });

  it.each([
    ['firm', firm],
    ['desk', `${firm}/rates`],
    ['trader', 'person:tom'],
    ['client', 'oms-1'],
    ['venue', 'XETR'],
    ['instrument-class', 'E'],
    ['partner', operator],
  ] as const)('of a %s stops an order that it concerns, and no other', async (kind, id) => {
    const trip = latestTrip(await halt.trip({ kind, id }, 'a test', olga));
    expect(await stopping()).toMatchObject({ kind, id, record: trip });
    const other = { principals: ['service:x'], clients: ['other'], institutions: ['529900ASSETMNGRDEM02'], intent: {} };
    expect(await stopping(other)).toBeUndefined();
    await released(trip);
    expect(await stopping()).toBeUndefined();
  });

  it('of an algorithm stops it, and a trader of the same desk continues', async () => {
    await halt.trip({ kind: 'algorithm', id: 'agent:vwap-1' }, 'a test', olga);
    expect(await stopping({ principals: ['person:tom', 'agent:vwap-1'] })).toMatchObject({ kind: 'algorithm' });
    expect(await stopping()).toBeUndefined();
  });

  it('costs one look-up while nothing is halted, and again after the last release', async () => {
    const asked: (readonly string[])[] = [];
    const log = {
      standings: async (things: readonly string[]) => {
        asked.push(things);
        return world.log.standings(things);
      },
    };
    const parties = haltableParties(order, world.snapshot);
    await haltInForce(parties, log);
    const trip = await tripped();
    await haltInForce(parties, log);
    await released(trip);
    await haltInForce(parties, log);
    expect(asked.map((things) => things.length === 1)).toEqual([true, true, false, true]);
    expect((await world.log.standings([haltsInForce])).get(haltsInForce)?.digest).toBeUndefined();
  });

  it('by an institution concerns what it does itself, also at a venue', async () => {
    await halt.trip({ kind: 'venue', id: 'XETR' }, 'a test', ben);
    expect(await stopping()).toMatchObject({ kind: 'venue', party: firm });
    expect(await stopping({ principals: [], institutions: [operator] })).toBeUndefined();
  });

  it.each([
    ['another institution', 'firm', operator],
    ['a desk of another institution', 'desk', `${operator}/rates`],
    ['a person as an algorithm', 'algorithm', 'person:tom'],
    ['nobody', 'trader', 'person:nobody'],
    ['a class that does not exist', 'instrument-class', 'EQ'],
    ['a venue that does not exist', 'venue', 'XXXX'],
  ] as const)('of %s is refused and recorded', async (_, kind, id) => {
    expect(await codeOf(halt.trip({ kind, id }, 'a test', ben))).toBe('halt_target_unknown');
    expect(world.log.ofType('access.refused')).toMatchObject([
      { reason: 'halt_target_unknown', subject: { id: 'person:ben' }, data: { operation: 'halt:trip' } },
    ]);
    expect((await world.log.standings([haltsInForce])).size).toBe(0);
  });

  it('releases nothing when the record cannot be written', async () => {
    world.log.breakDown('writing');
    expect(await codeOf(tripped())).toBe('log_unavailable');
    world.log.repair();
    expect(await stopping()).toBeUndefined();
  });

  it('again is recorded, and ends a proposed release', async () => {
    const first = await tripped();
    const { id, digest } = await halt.proposeRelease(first, 'mended', ari);
    const second = latestTrip(await halt.trip({ kind: 'desk', id: `${firm}/rates` }, 'again', cleo));
    expect(world.log.ofType('halt.tripped').at(-1)).toMatchObject({ references: [first], data: { again: first } });
    expect(await codeOf(halt.approveRelease(id, digest, person('dora')))).toBe('halt_release_settled');
    // The person who tripped it the second time has no part in the release either.
    expect(await codeOf(halt.proposeRelease(second, 'mended', cleo))).toBe('halt_own_trip');
    expect(await stopping()).toMatchObject({ record: second });
  });
});

describe('releasing', () => {
  it('takes two people, of whom none tripped it', async () => {
    const trip = await tripped();
    expect(await codeOf(halt.proposeRelease(trip, 'mended', olga))).toBe('halt_own_trip');
    expect(await codeOf(halt.proposeRelease(trip, 'mended', { ...ari, through: ['person:olga'] }))).toBe(
      'halt_own_trip',
    );
    const { id, digest } = await halt.proposeRelease(trip, 'mended', ari);
    expect(await stopping()).toBeDefined();
    expect(await codeOf(halt.approveRelease(id, digest, ari))).toBe('halt_own_release');
    expect(await codeOf(halt.approveRelease(id, digest, olga))).toBe('halt_own_trip');
    expect(await codeOf(halt.approveRelease(id, 'A'.repeat(43), cleo))).toBe('halt_release_outdated');
    expect(await stopping()).toBeDefined();
    expect(await halt.approveRelease(id, digest, cleo)).toMatchObject({ status: 'approved' });
    expect(await stopping()).toBeUndefined();
    expect(world.log.ofType('halt.released')).toMatchObject([
      { subject: { id: 'person:cleo' }, references: [id, trip], data: { halt: trip, proposed_by: 'person:ari' } },
    ]);
    expect(world.log.ofType('access.refused').map(({ reason }) => reason)).toEqual([
      'halt_own_trip',
      'halt_own_trip',
      'halt_own_release',
      'halt_own_trip',
      'halt_release_outdated',
    ]);
    expect(await codeOf(halt.approveRelease(id, digest, cleo))).toBe('halt_release_settled');
    expect(await codeOf(halt.proposeRelease(trip, 'mended', ari))).toBe('halt_not_in_force');
  });

  it('needs two independent people, within a day', async () => {
    const trip = await tripped();
    const { id, digest } = await halt.proposeRelease(trip, 'mended', ari);
    const dependent = world.node({ independence: async () => false });
    expect(await codeOf(dependent.approveRelease(id, digest, cleo))).toBe('halt_approver_dependent');
    world.clock.advance(86_400_000);
    expect(await codeOf(halt.approveRelease(id, digest, cleo))).toBe('halt_release_settled');
  });

  it('ends when the proposer leaves or loses the right, or when it is rejected', async () => {
    const trip = await tripped();
    const left = await halt.proposeRelease(trip, 'mended', ari);
    const gone = world.node({ proposerStanding: async () => 'left' });
    expect(await codeOf(gone.approveRelease(left.id, left.digest, cleo))).toBe('halt_releaser_gone');
    const ended = await halt.proposeRelease(trip, 'mended', ari);
    const by = { id: 'service:countersign' };
    expect(await halt.endProposalsOf('person:ari', { before: world.clock.now(), by, reason: 'left' })).toBe(1);
    expect(await codeOf(halt.approveRelease(ended.id, ended.digest, cleo))).toBe('halt_release_settled');
    const rejected = await halt.proposeRelease(trip, 'mended', ari);
    expect(await halt.rejectRelease(rejected.id, 'too early', cleo)).toMatchObject({ status: 'rejected' });
    expect(await stopping()).toBeDefined();
  });

  it('is for the institution that halted, and for the operator', async () => {
    const trip = latestTrip(await halt.trip({ kind: 'venue', id: 'XETR' }, 'a test', ben));
    const other = person('eve', '529900ASSETMNGRDEM02');
    expect(await codeOf(halt.find(trip, other))).toBe('halt_unknown');
    expect(await codeOf(halt.proposeRelease(trip, 'mended', other))).toBe('halt_unknown');
    expect(await halt.list(other, undefined)).toEqual([]);
    const ofOperator = await tripped();
    expect(await codeOf(halt.proposeRelease(ofOperator, 'mended', person('bo', firm)))).toBe('halt_unknown');
    const { id, digest } = await halt.proposeRelease(trip, 'mended', person('bo', firm));
    expect(await codeOf(halt.approveRelease(id, digest, other))).toBe('halt_release_unknown');
    await halt.approveRelease(id, digest, ari);
    // The halt of the operator stays.
    expect(await stopping()).toMatchObject({ kind: 'desk' });
  });
});

describe('a thief with the role', () => {
  it('finds no row that a halt depends on, and cannot write elsewhere', async () => {
    const trip = await tripped();
    const pool = world.scratch.pool('halt');
    const { rows } = await pool.query<{ name: string }>(
      `select table_name as name from information_schema.tables
        where table_schema not in ('pg_catalog', 'information_schema')`,
    );
    expect(rows.map(({ name }) => name)).toEqual(['named_locks']);
    await pool.query('update named_locks set name = name');
    expect(await stopping()).toMatchObject({ record: trip });
  });
});

describe('on two nodes', () => {
  it('100 trips and releases at once leave what the last record says', async () => {
    const nodes = [halt, world.node()];
    const trips = await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        nodes[index % 2]?.trip(
          index % 5 === 0 ? { kind: 'venue', id: 'XETR' } : { kind: 'client', id: 'oms-1' },
          `${index}`,
          olga,
        ),
      ),
    );
    await Promise.all(
      trips.map(async (each, index) => {
        if (each === undefined) return;
        try {
          const node = nodes[(index + 1) % 2];
          const proposal = await node?.proposeRelease(latestTrip(each), 'mended', ari);
          if (proposal !== undefined) await nodes[index % 2]?.approveRelease(proposal.id, proposal.digest, cleo);
        } catch {
          // Another release was first.
        }
      }),
    );
    const inForce = await halt.list(olga, 'in-force');
    expect(inForce).toEqual([]);
    expect(world.log.ofType('halt.released')).toHaveLength(2);
    const names = [haltsInForce, haltSubject({ kind: 'venue', id: 'XETR' }, 'operator')];
    for (const { digest } of (await world.log.standings(names)).values()) expect(digest).toBeUndefined();
  });

  it('is known to a node that starts later', async () => {
    const trip = await tripped();
    expect(await world.node().find(trip, olga)).toMatchObject({ kind: 'desk', party: 'operator' });
  });
});
