import { newId, type RecoveryId } from '@countersign/kernel';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningRecovery } from './index.ts';
import {
  anna,
  bea,
  ben,
  cora,
  createRecoveryWorld,
  helpDesk,
  lost,
  type RecoveryWorld,
} from './testing/recovery-world.ts';

/** Every attack below uses a connection with this component's database role and nothing else. */
describe('a thief with the database role of recovery', () => {
  let world: RecoveryWorld;
  let recovery: RunningRecovery;
  let thief: pg.Pool;
  let id: RecoveryId;

  beforeEach(async () => {
    world = await createRecoveryWorld();
    recovery = world.node();
    thief = world.database.pool('recovery');
    for (const each of [anna, ben, bea, cora]) world.keys.enrol(each.id);
    id = (await recovery.open(lost, helpDesk)).id;
  });
  afterEach(() => world.close());

  const unproven = expect.objectContaining({ code: 'authority_unproven' });
  const invent = (by: { readonly id: string }, name: string) =>
    thief.query(
      `insert into approvals (recovery, function, by_person, at, record_id)
       select $1, $2, $3, now(), record_id from recoveries where id = $1`,
      [id, name, by.id],
    );
  const setStatus = (status: string) =>
    thief.query(`update recoveries set status = $2, next_attempt = 'epoch', claim = null where id = $1`, [id, status]);
  const nothingEnded = async () => {
    await recovery.carryOn();
    expect(world.ended).toEqual([]);
    expect(await world.keys.register.of(anna.id)).toHaveLength(1);
    await expect(recovery.invite(id, helpDesk)).rejects.toEqual(unproven);
  };

  it('cannot end anybody’s keys, nor let anybody enrol, by storing a recovery as approved', async () => {
    for (const status of ['approved', 'ended', 'invited']) {
      await setStatus(status);
      await nothingEnded();
    }
  });

  it('cannot do so with two invented approvals, nor with one beside a real one', async () => {
    await invent(ben, 'line');
    await invent(cora, 'control');
    await setStatus('approved');
    await nothingEnded();
    await thief.query('delete from approvals');
    await setStatus('waiting');
    await world.approve(recovery, id, ben);
    await invent(cora, 'control');
    await setStatus('approved');
    await nothingEnded();
    // Nor can a real approval be changed into the second function, or counted as two.
    await thief.query(`delete from approvals where function = 'control'`);
    await thief.query(`update approvals set function = 'control'`);
    await setStatus('approved');
    await nothingEnded();
  });

  it('cannot change the person, institution or evidence of a recovery', async () => {
    for (const change of [
      `person = '${bea.id}'`,
      `institution = '${lost.person}'`,
      `opened_by = 'service:other'`,
      `reason = 'Lost at sea'`,
      `evidence = '["none"]'`,
      `record_id = record_id || '0'`,
      `functions = '["line"]'`,
      `invitations = 1`,
      `expires_at = now() + interval '10 years'`,
    ]) {
      const { rows } = await thief.query('select * from recoveries where id = $1', [id]);
      const [column = ''] = change.split(' = ');
      await thief.query(`update recoveries set ${change} where id = $1`, [id]);
      await expect(world.approve(recovery, id, ben), change).rejects.toEqual(unproven);
      const was = rows[0]?.[column];
      await thief.query(`update recoveries set ${column} = $2 where id = $1`, [
        id,
        typeof was === 'object' && !(was instanceof Date) ? JSON.stringify(was) : was,
      ]);
    }
    expect(await world.approve(recovery, id, ben)).toMatchObject({ missing: ['control'] });
  });

  it('cannot resume a cancelled recovery with its approvals', async () => {
    await world.approve(recovery, id, ben);
    await recovery.cancel(id, { ...helpDesk }, 'found it again');
    await thief.query(`update recoveries set status = 'waiting', settled_at = null where id = $1`, [id]);
    await expect(world.approve(recovery, id, cora)).rejects.toEqual(unproven);
    expect(world.audit.ofType('row.rejected').at(-1)).toMatchObject({
      source: 'recovery',
      data: { of: `recovery:${id}` },
    });
  });

  it('cannot block a person by a recovery that nobody opened, nor have one approved', async () => {
    await thief.query(
      `insert into recoveries
       select (jsonb_populate_record(r, jsonb_build_object('id', $2::text, 'person', $3::text))).* from recoveries r where id = $1`,
      [id, newId('recovery', world), bea.id],
    );
    const invented = (await recovery.list({})).find(({ person }) => person === bea.id);
    if (invented === undefined) throw new Error('nothing was invented');
    await expect(world.approve(recovery, invented.id, cora)).rejects.toEqual(unproven);
    // Nor does it block her approvals, its cancellation, or a recovery that somebody really opens.
    await expect(world.approve(recovery, id, bea)).resolves.toMatchObject({ missing: ['control'] });
    await expect(recovery.open({ ...lost, person: bea.id }, helpDesk)).resolves.toMatchObject({ status: 'waiting' });
    expect(await recovery.find(invented.id)).toBeUndefined();
    expect(world.ended).toEqual([]);
  });

  it('cannot delete one: a missing row is written again from its records', async () => {
    await world.approve(recovery, id, ben);
    await thief.query('delete from recoveries where id = $1', [id]);
    expect(await recovery.standingOf(anna.id)).toMatchObject({ id, missing: ['control'], reason: lost.reason });
    await thief.query('delete from recoveries where id = $1', [id]);
    await expect(recovery.open(lost, helpDesk)).rejects.toEqual(expect.objectContaining({ code: 'recovery_standing' }));
    expect(await world.approve(recovery, id, cora)).toMatchObject({ status: 'ended' });
  });

  it('cannot invent one: it cannot be cancelled as if it existed, and its row is removed', async () => {
    const invented = newId('recovery', world);
    await thief.query(
      `insert into recoveries
       select (jsonb_populate_record(r, jsonb_build_object('id', $2::text, 'person', $3::text))).* from recoveries r where id = $1`,
      [id, invented, bea.id],
    );
    await expect(recovery.cancel(invented, helpDesk, 'Nobody opened this')).rejects.toEqual(
      expect.objectContaining({ code: 'recovery_unknown' }),
    );
    expect(await recovery.list({})).toHaveLength(1);
    expect(world.audit.ofType('recovery.cancelled')).toEqual([]);
  });

  it('cannot cost anybody a key: a forged state is cancelled or expires', async () => {
    await setStatus('invited');
    expect(await recovery.cancel(id, { ...helpDesk }, 'Nobody approved this')).toMatchObject({ status: 'cancelled' });
    expect(world.ended).toEqual([]);
    const other = (await recovery.open(lost, helpDesk)).id;
    await thief.query(`update recoveries set status = 'ended', next_attempt = 'epoch' where id = $1`, [other]);
    world.clock.advance(30 * 86_400_000);
    await recovery.carryOn();
    expect(await recovery.find(other)).toMatchObject({ status: 'expired' });
    expect(await world.keys.register.of(anna.id)).toHaveLength(1);
  });

  it('and a process that died after the record leave a recovery that is cancelled once, even when repeated', async () => {
    await recovery.cancel(id, helpDesk, 'Found it again');
    // As it was before its row was written.
    await setStatus('waiting');
    await expect(recovery.cancel(id, helpDesk, 'Found it, said otherwise')).resolves.toMatchObject({
      status: 'cancelled',
    });
    expect(world.audit.ofType('recovery.cancelled')).toHaveLength(1);
  });
});
