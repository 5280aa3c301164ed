import { codeOf } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningRetention } from './index.ts';
import type { WrittenScope } from './scope.ts';
import {
  asActor,
  colin,
  createRetentionWorld,
  operator,
  paula,
  paulasAgent,
  type RetentionWorld,
  tessa,
} from './testing/retention-world.ts';

let world: RetentionWorld;
let retention: RunningRetention;
beforeEach(async () => {
  world = await createRetentionWorld();
  retention = world.retention;
});
afterEach(() => world.close());

const place = (scope: WrittenScope, by = paula, future = false) =>
  retention.holds.place({ scope, matter: 'SEC v. Example, HO-14021', future }, by);

describe('a legal hold', () => {
  it('is in force on every node once placed, and is released by another person', async () => {
    const transaction = world.transaction();
    world.aged(1, { type: 'transaction.opened', transaction });
    const { id, scope, placedBy } = await place({ transaction });
    expect({ scope, placedBy }).toEqual({ scope: { transaction }, placedBy: asActor(paula) });
    const other = world.node();
    expect((await other.state()).holds.get(id)).not.toHaveProperty('releasedAt');
    expect(await other.holds.release(id, 'the matter is settled', colin)).toMatchObject({ releasedBy: asActor(colin) });
    expect((await retention.state()).holds.get(id)).toHaveProperty('releasedAt');
    expect(world.log.ofType('hold.released')).toMatchObject([{ references: [id], subject: asActor(colin) }]);
  });

  it('is not released by whoever placed it, nor by software that acts for them, and not twice', async () => {
    const { id } = await place({ types: ['transaction.opened'] }, paula, true);
    for (const own of [paula, paulasAgent])
      expect(await codeOf(retention.holds.release(id, 'done', own))).toBe('hold_same_person');
    await retention.holds.release(id, 'done', colin);
    expect(await codeOf(retention.holds.release(id, 'done', colin))).toBe('hold_released');
    expect(await codeOf(retention.holds.release('rec_x', 'done', colin))).toBe('hold_not_found');
    expect(world.log.ofType('access.refused').map(({ reason }) => reason)).toEqual([
      'hold_same_person',
      'hold_same_person',
      'hold_released',
    ]);
  });

  it('is neither placed nor released by the person it is about', async () => {
    const transaction = world.transaction();
    world.aged(1, { type: 'transaction.opened', transaction, subject: asActor(tessa) });
    expect(await codeOf(place({ person: tessa.id }, tessa, true))).toBe('hold_by_its_subject');
    expect(await codeOf(place({ transaction }, tessa))).toBe('hold_by_its_subject');
    expect(await codeOf(place({ client: 'console' }, tessa, true))).toBe('hold_by_its_subject');
    expect(await codeOf(place({ agent: paulasAgent.id }, paulasAgent, true))).toBe('hold_by_its_subject');
    const { id } = await place({ transaction });
    expect(await codeOf(retention.holds.release(id, 'nothing to see', tessa))).toBe('hold_by_its_subject');
    // Reading or exporting the evidence does not make somebody a party to it.
    world.aged(0, { type: 'evidence.read', transaction, subject: asActor(paula) });
    world.aged(0, { type: 'evidence.exported', transaction, subject: asActor(paula) });
    await place({ transaction }, paula);
    // A hold on a whole firm is about nobody in particular.
    await place({ institution: operator }, tessa);
  });

  it('matches records, or says that it is for future ones', async () => {
    expect(await codeOf(place({ person: 'person:nobody.yet' }))).toBe('hold_finds_nothing');
    await place({ person: 'person:nobody.yet' }, paula, true);
    expect(world.log.ofType('hold.placed')).toMatchObject([{ data: { finds_nothing_yet: true } }]);
  });

  it.each<[string, WrittenScope]>([
    ['nothing', {}],
    ['no types', { types: [] }],
    ['an invalid type', { types: ['order.shredded'] }],
    ['an invalid transaction', { transaction: 'T-1' }],
    ['an agent as a person', { person: 'agent:archivist' }],
    ['a person as an agent', { agent: 'person:tessa.trader' }],
    ['a name instead of an LEI', { institution: 'Example Fund' }],
    ['a day that does not exist', { from: '2030-02-30T00:00:00Z' }],
    ['an end before its beginning', { from: '2031-01-01T00:00:00Z', until: '2030-01-01T00:00:00Z' }],
  ])('is refused over %s', async (_, scope) => {
    expect(await codeOf(place(scope, paula, true))).toBe('retention_malformed');
    expect(world.log.ofType('hold.placed')).toEqual([]);
  });

  it('keeps everything while its record cannot be read', async () => {
    const old = world.aged(6, { type: 'session.started' });
    const { id: unreadable } = world.log.write({
      type: 'hold.placed',
      subject: asActor(tessa),
      data: { of: 'a later release' },
    }).record;
    const { id: simulation, would } = await retention.simulate({ kind: 'pruning', class: 'access' }, paula);
    expect(would.find(({ class: name }) => name === 'access')).toMatchObject({ due: 1, held: 1 });
    const { id, digest } = await retention.changes.propose(simulation, 'old', paula);
    await retention.changes.approve(id, digest, colin);
    await retention.carryOut();
    expect(world.custody.pruned).not.toContain(old.id);
    await retention.holds.release(unreadable, 'understood by counsel', colin);
    expect((await retention.simulate({ kind: 'pruning', class: 'access' }, paula)).holds).toBe(0);
  });

  it('is in force at once when its matches are still unknown, and then nobody can release it', async () => {
    const transaction = world.transaction();
    world.aged(1, { type: 'transaction.opened', transaction, subject: asActor(tessa) });
    world.log.breakDown('finding');
    const { id } = await place({ transaction });
    expect((await retention.state()).holds.get(id)).not.toHaveProperty('releasedAt');
    // Whether they have a part in it is unknown.
    expect(await codeOf(retention.holds.release(id, 'nothing to see', colin))).toBe('query_behind');
  });

  it('is not in force when it could not be recorded', async () => {
    world.log.breakDown('writing');
    expect(await codeOf(place({ types: ['transaction.opened'] }, paula, true))).toBe('log_unavailable');
    world.log.repair();
    expect((await retention.state()).holds.size).toBe(0);
  });
});
