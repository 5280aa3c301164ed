import type { Departure, DepartureEffect } from '@countersign/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from '../index.ts';
import { tradingDesk } from '../testing/example-clients.ts';
import { broker, exampleFile, exampleKeyPair, operator } from '../testing/example-file.ts';
import { approver, changeByTwo, createRig, proposer, type Rig, refusalOf } from '../testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

/** Departure effects that record their calls and can be made to fail or wait. */
function recordingEffects(...names: readonly string[]) {
  const calls: string[] = [];
  const failing = new Set<string>();
  const gates = new Map<string, Promise<void>>();
  const ended = new Map<string, Set<string>>();
  const effects = names.map(
    (name): DepartureEffect => ({
      name,
      async end({ principal, kind }) {
        calls.push(`${name} ${kind} ${principal}`);
        await gates.get(name);
        if (failing.has(name)) throw new Error('out of order');
        const seen = ended.get(name) ?? new Set();
        ended.set(name, seen);
        const before = seen.size;
        seen.add(`${kind} ${principal}`);
        return { ended: seen.size - before };
      },
    }),
  );
  return { effects: () => effects, calls, failing, gates };
}

const typesOf = () => rig.records.map(({ type }) => type);
const reason = 'left on 21 November';

async function opened(effects: () => readonly DepartureEffect[]): Promise<DirectoryComponent> {
  const directory = await rig.open({ departureEffects: effects });
  await directory.apply(exampleFile(), proposer);
  rig.records.length = 0;
  return directory;
}

describe('a departure', () => {
  it('removes a person in one change, ends what they held in order, and records both', async () => {
    const { effects, calls } = recordingEffects('sessions', 'tokens', 'mandates');
    const directory = await opened(effects);
    const version = directory.snapshot().version;
    const departure = await directory.leave('person:anna.keller', proposer, reason);
    expect(departure).toMatchObject({
      kind: 'leave',
      principal: 'person:anna.keller',
      status: 'completed',
      at: '2026-11-21T00:00:00.000Z',
      effects: ['sessions', 'tokens', 'mandates'].map((name) => ({ name, status: 'done', ended: 1 })),
    });
    expect(calls).toEqual(['sessions', 'tokens', 'mandates'].map((name) => `${name} leave person:anna.keller`));
    expect(directory.snapshot().version).toBe(version + 1);
    expect(directory.snapshot().principal('person:anna.keller')).toBeUndefined();
    expect(typesOf()).toEqual(['directory.applied', 'directory.departure', 'directory.departure-completed']);
    const [applied, departed, completed] = rig.records;
    expect(departed).toMatchObject({
      id: departure.recordId,
      subject: proposer,
      references: [applied?.id],
      data: {
        departure: departure.id,
        kind: 'leave',
        principal: 'person:anna.keller',
        institution: broker,
        reason,
        from: { desk: 'rates', roles: ['trader'] },
        effects: ['sessions', 'tokens', 'mandates'],
      },
    });
    expect(completed).toMatchObject({
      references: [departure.recordId],
      data: {
        departure: departure.id,
        effects: [
          { name: 'sessions', ended: 1 },
          { name: 'tokens', ended: 1 },
          { name: 'mandates', ended: 1 },
        ],
      },
    });
    expect(await directory.departures()).toEqual([departure]);
    expect(await directory.departures({ status: 'in-progress' })).toEqual([]);
  });

  it('removes the principal’s clients, short codes and devices, and nobody else’s', async () => {
    const { effects } = recordingEffects();
    const directory = await opened(effects);
    await directory.apply(
      {
        devices: [
          {
            id: 'device:phone',
            institution: broker,
            holder: 'person:anna.keller',
            posture: 'compliant',
            posture_at: '2026-11-20T00:00:00Z',
          },
        ],
        short_codes: [
          { venue: 'XEXA', institution: broker, holder: 'person:anna.keller', code: 1001 },
          { venue: 'XEXA', institution: broker, holder: 'service:oms', code: 1002 },
        ],
      },
      proposer,
    );
    await directory.leave('service:oms', proposer, reason);
    await directory.leave('person:anna.keller', proposer, reason);
    const snapshot = directory.snapshot();
    expect(snapshot.client('broker-oms')).toBeUndefined();
    expect(snapshot.principal('service:oms')).toBeUndefined();
    expect(snapshot.shortCode('XEXA', 'service:oms')).toBeUndefined();
    expect(snapshot.shortCode('XEXA', 'person:anna.keller')).toBeUndefined();
    expect(snapshot.device('device:phone')).toMatchObject({ institution: broker });
    expect(snapshot.device('device:phone')?.holder).toBeUndefined();
    expect(snapshot.principal('person:ben.ito')).toBeDefined();
  });

  it('keeps the certifier of an algorithm as a bare name, and deletes it with the algorithm', async () => {
    const { effects } = recordingEffects('tokens');
    const directory = await opened(effects);
    const ben = directory.snapshot().principal('person:ben.ito');
    const kid = ben?.kind === 'person' ? (ben.credentials[0]?.kid ?? '') : '';
    const departure = await directory.leave('person:ben.ito', proposer, reason);
    const snapshot = directory.snapshot();
    expect(snapshot.principal('person:ben.ito')).toBeUndefined();
    expect(snapshot.federatedPerson('https://idp.broker.example', 'u-1002')).toBeUndefined();
    expect(snapshot.credential(kid)).toBeUndefined();
    expect(snapshot.recordOf('person:ben.ito')).toBeUndefined();
    expect([...snapshot.principals()].map(({ id }) => id)).not.toContain('person:ben.ito');
    expect(snapshot.knownPrincipal('person:ben.ito')).toEqual({
      kind: 'person',
      id: 'person:ben.ito',
      institution: broker,
      roles: [],
      credentials: [],
      active: false,
    });
    expect(await directory.leave('person:ben.ito', proposer, reason)).toEqual(departure);
    await directory.leave('agent:vwap-1', proposer, 'switched off');
    expect(await directory.leave('person:ben.ito', proposer, reason)).toEqual(departure);
    expect(directory.snapshot().knownPrincipal('person:ben.ito')).toBeUndefined();
    expect(await directory.departures()).toHaveLength(2);
  });

  it('happens once, even when requested concurrently on two nodes', async () => {
    const { effects, calls } = recordingEffects('tokens');
    const one = await opened(effects);
    const two = await rig.open({ departureEffects: effects });
    const answers = await Promise.all(
      [one, two, one, two].map((directory) => directory.leave('person:anna.keller', proposer, reason)),
    );
    expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
    await one.carryDepartures();
    await two.carryDepartures();
    expect(calls).toEqual(['tokens leave person:anna.keller']);
    expect(typesOf().filter((type) => type === 'directory.departure')).toHaveLength(1);
    expect(typesOf().filter((type) => type === 'directory.departure-completed')).toHaveLength(1);
  });

  it.each([
    ['person:nobody', 'principal_not_found'],
    ['device:phone', 'principal_not_found'],
    ['no principal at all', 'principal_not_found'],
    ['service:operator', 'seed_protected'],
  ])('is refused for %s', async (principal, code) => {
    const { effects, calls } = recordingEffects('tokens');
    const directory = await opened(effects);
    expect((await refusalOf(directory.leave(principal, proposer, reason))).code).toBe(code);
    expect(calls).toEqual([]);
    expect(await directory.departures()).toEqual([]);
  });

  it.each(['', ' ', 'a\u0000b', 'x'.repeat(401)])(
    'is refused with the reason %j, which is not plain text',
    async (text) => {
      const directory = await opened(() => []);
      expect((await refusalOf(directory.leave('person:anna.keller', proposer, text))).code).toBe(
        'directory_file_invalid',
      );
      expect(directory.snapshot().principal('person:anna.keller')).toBeDefined();
    },
  );

  it('of production software takes two people, who get the same departure', async () => {
    const { effects, calls } = recordingEffects('tokens');
    const directory = await opened(effects);
    await directory.apply({ services: [{ id: 'service:desk', institution: broker, roles: [] }] }, proposer);
    const going = await directory.propose({ edit: { put: { clients: [tradingDesk()] } } }, proposer, 'go-live');
    await directory.approve(going.id, going.digest, approver);
    expect((await refusalOf(directory.leave('service:desk', proposer, reason))).code).toBe('second_person_required');
    expect(directory.snapshot().principal('service:desk')).toBeDefined();
    const removal = await directory.propose(
      { edit: { remove: [{ kind: 'service', id: 'service:desk' }] } },
      proposer,
      'end of life',
    );
    expect(removal.changes.map(({ change, id }) => `${change} ${id}`)).toEqual([
      'remove broker-desk',
      'remove service:desk',
    ]);
    await directory.approve(removal.id, removal.digest, approver);
    await directory.carryDepartures();
    expect(calls).toEqual(['tokens leave service:desk']);
    expect(await directory.departures()).toMatchObject([{ principal: 'service:desk', status: 'completed' }]);
    expect(rig.records.findLast(({ type }) => type === 'directory.departure')).toMatchObject({
      subject: approver,
      data: { reason: 'end of life' },
    });
  });

  it('changes nothing when it cannot be recorded', async () => {
    const { effects, calls } = recordingEffects('tokens');
    const directory = await opened(effects);
    rig.breakLog(true);
    expect((await refusalOf(directory.leave('person:anna.keller', proposer, reason))).code).toBe('log_unavailable');
    rig.breakLog(false);
    expect(directory.snapshot().principal('person:anna.keller')).toBeDefined();
    expect(await directory.departures()).toEqual([]);
    expect(calls).toEqual([]);
  });
});

describe('every way to depart', () => {
  const without = (id: string) => {
    const file = exampleFile();
    return { ...file, agents: [], people: file.people.filter((person) => person['id'] !== id) };
  };
  const inactive = (id: string) => {
    const file = exampleFile();
    return {
      ...file,
      people: file.people.map((person) => (person['id'] === id ? { ...person, active: false } : person)),
    };
  };
  const departed = async (directory: DirectoryComponent) => {
    await directory.carryDepartures();
    return (await directory.departures()).map(({ kind, principal, status }) => `${kind} ${principal} ${status}`);
  };

  it.each<readonly [string, (directory: DirectoryComponent) => Promise<unknown>]>([
    ['pruned by a file', (directory) => directory.apply(without('person:anna.keller'), proposer, { prune: true })],
    ['made inactive by a file', (directory) => directory.apply(inactive('person:anna.keller'), proposer)],
    [
      'removed by an edit',
      (directory) => directory.edit({ remove: [{ kind: 'person', id: 'person:anna.keller' }] }, proposer),
    ],
    [
      'made inactive by an edit',
      (directory) =>
        directory.edit(
          { put: { people: inactive('person:anna.keller').people.filter(({ id }) => id === 'person:anna.keller') } },
          proposer,
        ),
    ],
  ])('%s: the principal’s holdings end', async (_name, go) => {
    const { effects, calls } = recordingEffects('tokens');
    const directory = await opened(effects);
    await go(directory);
    expect(directory.snapshot().principal('person:anna.keller')).toBeUndefined();
    expect(await departed(directory)).toContain('leave person:anna.keller completed');
    expect(calls.filter((call) => call.endsWith('person:anna.keller'))).toEqual(['tokens leave person:anna.keller']);
  });

  it('an inactive person does not depart a second time, and comes back by a file', async () => {
    const { effects } = recordingEffects('tokens');
    const directory = await opened(effects);
    await directory.apply(inactive('person:anna.keller'), proposer);
    const changed = inactive('person:anna.keller');
    for (const person of changed.people) if (person['id'] === 'person:anna.keller') person['desk'] = 'credit';
    await directory.apply(changed, proposer);
    await directory.apply(exampleFile(), proposer);
    expect(directory.snapshot().principal('person:anna.keller')).toMatchObject({ desk: 'rates' });
    expect(await departed(directory)).toEqual(['leave person:anna.keller completed']);
  });

  it('a file that puts somebody on another desk is a move', async () => {
    const { effects, calls } = recordingEffects('tokens');
    const directory = await opened(effects);
    const file = exampleFile();
    for (const person of file.people) if (person['id'] === 'person:anna.keller') person['desk'] = 'credit';
    await directory.apply(file, proposer);
    expect(await departed(directory)).toEqual(['move person:anna.keller completed']);
    expect(calls).toEqual(['tokens move person:anna.keller']);
  });

  it('a file that leaves desk and roles unchanged is not a move', async () => {
    const directory = await opened(() => []);
    const file = exampleFile();
    for (const person of file.people) person['credentials'] = [{ use: 'approval', jwk: exampleKeyPair().publicJwk }];
    await changeByTwo(directory, { file });
    expect(await departed(directory)).toEqual([]);
  });
});

describe('a move', () => {
  it('puts a person on another desk with other roles, and ends what they held', async () => {
    const { effects, calls } = recordingEffects('tokens');
    const directory = await opened(effects);
    const departure = await directory.move(
      'person:ben.ito',
      { desk: 'credit', roles: ['sales'] },
      proposer,
      'moves to credit',
    );
    expect(departure).toMatchObject({ kind: 'move', principal: 'person:ben.ito', status: 'completed' });
    expect(calls).toEqual(['tokens move person:ben.ito']);
    expect(directory.snapshot().principal('person:ben.ito')).toMatchObject({ desk: 'credit', roles: ['sales'] });
    // Their names at identity providers and their keys are removed with them.
    expect(directory.snapshot().federatedPerson('https://idp.broker.example', 'u-1002')?.id).toBe('person:ben.ito');
    expect(rig.records.find(({ type }) => type === 'directory.departure')).toMatchObject({
      data: {
        from: { desk: 'rates', roles: ['signatory', 'supervisor'] },
        to: { desk: 'credit', roles: ['sales'] },
      },
    });
    expect(await directory.move('person:ben.ito', { desk: 'credit' }, proposer, 'again')).toEqual(departure);
    expect(calls).toHaveLength(1);
  });

  it('removes the signing authority of a person who loses the role', async () => {
    const directory = await opened(() => []);
    const file = exampleFile();
    for (const person of file.people)
      if (person['id'] === 'person:ben.ito') person['signing_authority'] = { alone: false };
    await changeByTwo(directory, { file });
    expect(directory.snapshot().principal('person:ben.ito')).toMatchObject({ signingAuthority: { alone: false } });
    await directory.move('person:ben.ito', { desk: null, roles: ['sales'] }, proposer, 'no longer signs');
    const ben = directory.snapshot().principal('person:ben.ito');
    expect(ben).not.toHaveProperty('signingAuthority');
    expect(ben).not.toHaveProperty('desk');
  });

  it('keeps concurrent changes by others', async () => {
    const one = await opened(() => []);
    const two = await rig.open({ departureEffects: () => [] });
    await Promise.all([
      one.move('person:anna.keller', { desk: 'credit' }, proposer, 'moves'),
      two.move('person:anna.keller', { roles: ['trader', 'auditor'] }, proposer, 'moves'),
      two.edit({ put: { people: [{ ...exampleFile().people[1], desk: 'credit', roles: ['sales'] }] } }, proposer),
    ]);
    expect((await one.snapshotAtLeast(4)).principal('person:anna.keller')).toMatchObject({
      desk: 'credit',
      roles: ['auditor', 'trader'],
    });
  });

  it.each(['person:nobody', 'service:oms', 'device:x'])('is refused for %s', async (principal) => {
    const directory = await opened(() => []);
    expect((await refusalOf(directory.move(principal, { desk: 'credit' }, proposer, 'moves'))).code).toBe(
      'principal_not_found',
    );
  });

  it('is refused for somebody who is already there and never moved', async () => {
    const directory = await opened(() => []);
    expect((await refusalOf(directory.move('person:anna.keller', { desk: 'rates' }, proposer, 'stays'))).code).toBe(
      'directory_file_invalid',
    );
  });
});

describe('an effect of a departure', () => {
  const stateOf = ({ status, effects }: Departure) => ({
    status,
    effects: effects.map((effect) => `${effect.name} ${effect.status} ${effect.lastFailure ?? ''}`.trim()),
  });
  const only = async (directory: DirectoryComponent) => {
    const [departure] = await directory.departures();
    if (departure === undefined) throw new Error('nobody has departed');
    return departure;
  };

  it('is retried until it succeeds, and no later effect runs before', async () => {
    const { effects, calls, failing } = recordingEffects('sessions', 'tokens', 'mandates');
    const directory = await opened(effects);
    failing.add('tokens');
    const begun = await directory.leave('person:anna.keller', proposer, reason);
    expect(stateOf(begun)).toEqual({
      status: 'in-progress',
      effects: ['sessions done', 'tokens pending fault', 'mandates pending'],
    });
    // The directory has removed the principal nevertheless.
    expect(directory.snapshot().principal('person:anna.keller')).toBeUndefined();
    await directory.carryDepartures();
    expect(calls).toHaveLength(2);
    rig.clock.advance(2_000);
    await directory.carryDepartures();
    expect(calls).toHaveLength(3);
    failing.delete('tokens');
    rig.clock.advance(600_000);
    await directory.carryDepartures();
    expect(stateOf(await only(directory))).toEqual({
      status: 'completed',
      effects: ['sessions done', 'tokens done fault', 'mandates done'],
    });
    expect(calls.map((call) => call.split(' ')[0])).toEqual(['sessions', 'tokens', 'tokens', 'tokens', 'mandates']);
    expect(typesOf().filter((type) => type === 'directory.departure-completed')).toHaveLength(1);
  });

  it('is continued by another node from the last completed step when its worker is gone', async () => {
    const dying = recordingEffects('sessions', 'tokens');
    const directory = await opened(dying.effects);
    dying.gates.set('tokens', new Promise(() => undefined));
    const leaving = directory.edit({ remove: [{ kind: 'person', id: 'person:anna.keller' }] }, proposer);
    await leaving;
    void directory.carryDepartures();
    await expect.poll(() => dying.calls.length).toBe(2);
    // The worker is silent, but its claim is still valid, so no other node starts.
    const living = recordingEffects('sessions', 'tokens');
    const other = await rig.open({ departureEffects: living.effects });
    await other.carryDepartures();
    expect(living.calls).toEqual([]);
    rig.clock.advance(61_000);
    await other.carryDepartures();
    expect(living.calls).toEqual(['tokens leave person:anna.keller']);
    expect((await only(other)).status).toBe('completed');
  });

  it('is not settled by a node that lost its claim', async () => {
    const slow = recordingEffects('tokens');
    const directory = await opened(slow.effects);
    let open: () => void = () => undefined;
    slow.gates.set('tokens', new Promise((resolve) => (open = resolve)));
    slow.failing.add('tokens');
    await directory.edit({ remove: [{ kind: 'person', id: 'person:anna.keller' }] }, proposer);
    const carried = directory.carryDepartures();
    await expect.poll(() => slow.calls.length).toBe(1);
    rig.clock.advance(61_000);
    const other = await rig.open({ departureEffects: recordingEffects('tokens').effects });
    await other.carryDepartures();
    open();
    await carried;
    expect(stateOf(await only(other))).toEqual({ status: 'completed', effects: ['tokens done'] });
    expect(typesOf().filter((type) => type === 'directory.departure-completed')).toHaveLength(1);
  });

  it('is left to a node that has the effect', async () => {
    const { effects } = recordingEffects('sessions', 'tokens');
    const directory = await opened(effects);
    const older = await rig.open({ departureEffects: recordingEffects('sessions').effects });
    await older.carryDepartures();
    await directory.leave('person:anna.keller', proposer, reason);
    rig.clock.advance(10_000);
    await older.carryDepartures();
    rig.clock.advance(10_000);
    await directory.carryDepartures();
    expect((await only(directory)).status).toBe('completed');
  });

  it('finishes before the next departure of the same principal begins', async () => {
    const { effects, calls, failing } = recordingEffects('tokens');
    const directory = await opened(effects);
    failing.add('tokens');
    await directory.move('person:anna.keller', { desk: 'credit' }, proposer, 'moves');
    await directory.leave('person:anna.keller', proposer, reason);
    expect(calls).toEqual(['tokens move person:anna.keller']);
    failing.delete('tokens');
    rig.clock.advance(600_000);
    await directory.carryDepartures();
    expect(calls).toEqual([
      'tokens move person:anna.keller',
      'tokens move person:anna.keller',
      'tokens leave person:anna.keller',
    ]);
    expect((await directory.departures()).map(({ status }) => status)).toEqual(['completed', 'completed']);
  });

  it('is completed once in the log, also when the log fails at that moment', async () => {
    const { effects } = recordingEffects('tokens');
    const directory = await opened(effects);
    effects()[0];
    let open: () => void = () => undefined;
    const gated = recordingEffects('tokens');
    gated.gates.set('tokens', new Promise((resolve) => (open = resolve)));
    const other = await rig.open({ departureEffects: gated.effects });
    await other.edit(
      { remove: [{ kind: 'person', id: 'person:anna.keller' }] },
      { id: 'service:operator', institution: operator },
    );
    expect((await only(directory)).principal).toBe('person:anna.keller');
    const carried = other.carryDepartures();
    rig.breakLog(true);
    open();
    await carried.catch(() => undefined);
    rig.breakLog(false);
    rig.clock.advance(600_000);
    await directory.carryDepartures();
    await other.carryDepartures();
    expect((await only(directory)).status).toBe('completed');
    expect(typesOf().filter((type) => type === 'directory.departure-completed')).toHaveLength(1);
  });
});
