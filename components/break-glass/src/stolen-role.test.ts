import type { IncidentId } from '@countersign/kernel';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningBreakGlass } from './index.ts';
import {
  type BreakGlassWorld,
  cora,
  createBreakGlassWorld,
  fay,
  sam,
  stopOrders,
  thumbprint,
  tom,
} from './testing/break-glass-world.ts';

/** Every attack below uses a connection with this component's database role and nothing else. */
describe('a thief with the database role of emergency access', () => {
  let world: BreakGlassWorld;
  let breakGlass: RunningBreakGlass;
  let thief: pg.Pool;
  let id: IncidentId;

  beforeEach(async () => {
    world = await createBreakGlassWorld();
    breakGlass = world.node();
    thief = world.database.pool('break-glass');
    for (const each of [fay, sam, tom, cora]) world.keys.enrol(each.id);
    ({ id } = await world.declare(breakGlass));
  });
  afterEach(() => world.close());

  const unproven = expect.objectContaining({ code: 'authority_unproven' });
  const grantWithout = (second: string | null) =>
    thief.query(
      `update incidents set status = 'granted', second = $2, granted_at = declared_at, granted_record = record_id,
              ends_at = declared_at + interval '15 minutes', review_due_at = declared_at + interval '1 day' where id = $1`,
      [id, second],
    );

  it('gets no token for an emergency without a second holder, or with an invented one', async () => {
    for (const second of [null, sam.id]) {
      await grantWithout(second);
      await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(unproven);
    }
    expect(world.issued).toEqual([]);
  });

  it('cannot extend or widen the access, nor give it to another key', async () => {
    await world.second(breakGlass, id);
    for (const change of [
      `ends_at = ends_at + interval '1 day'`,
      `scopes = array_append(scopes, 'order:read-all')`,
      `scopes = '{order:read}'`,
      `second = '${tom.id}'`,
      `holder = '${tom.id}'`,
      `acr = 'phrh-elsewhere'`,
    ]) {
      const [column = ''] = change.split(' = ');
      const { rows } = await thief.query('select * from incidents where id = $1', [id]);
      await thief.query(`update incidents set ${change} where id = $1`, [id]);
      if (!change.includes('read-all'))
        await expect(breakGlass.collect(id, thumbprint), change).rejects.toEqual(unproven);
      await thief.query(`update incidents set ${column} = $2 where id = $1`, [id, rows[0]?.[column]]);
    }
    const before = world.issued.length;
    await breakGlass.collect(id, thumbprint);
    expect(world.issued.slice(before)).toMatchObject([{ scopes: ['order:read', 'order:cancel'] }]);
  });

  it('cannot collect again what a holder has ended', async () => {
    await world.second(breakGlass, id);
    const { rows } = await thief.query('select ends_at from incidents where id = $1', [id]);
    await breakGlass.end(id, fay.id);
    await thief.query('update incidents set ends_at = $2 where id = $1', [id, rows[0]?.ends_at]);
    await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(unproven);
  });

  it('cannot spare a holder the review by deleting the emergency or storing it as reviewed', async () => {
    await world.second(breakGlass, id);
    await thief.query(`update incidents set status = 'reviewed' where id = $1`, [id]);
    await expect(world.declare(breakGlass)).rejects.toMatchObject({ code: 'incident_unreviewed' });
    await thief.query('delete from incidents');
    await expect(world.declare(breakGlass)).rejects.toMatchObject({ code: 'incident_unreviewed' });
  });

  it('cannot delete an emergency for good: it is restored when it is looked at', async () => {
    await world.second(breakGlass, id);
    await thief.query('delete from incidents');
    await breakGlass.collect(id, thumbprint);
    await thief.query('delete from incidents');
    expect(await breakGlass.find(id)).toMatchObject({ status: 'granted', second: sam.id });
    await thief.query('delete from incidents');
    await breakGlass.askToDeclare(stopOrders, sam.id).catch(() => undefined);
    world.clock.advance(24 * 3_600_000);
    await breakGlass.handleDue();
    for (const who of [fay, sam]) expect(await world.keys.register.isLocked(who.id)).toBe(true);
  });

  it('cannot restore access by resetting an emergency to an earlier state', async () => {
    const declared = await thief.query('select * from incidents');
    await world.second(breakGlass, id);
    const put = async (columns: readonly string[]) => {
      for (const column of columns)
        await thief.query(`update incidents set ${column} = $1`, [declared.rows[0]?.[column]]);
    };
    await put(['status', 'second', 'granted_at', 'granted_record', 'ends_at', 'review_due_at', 'change_record']);
    await expect(world.second(breakGlass, id, tom)).rejects.toMatchObject({ code: 'incident_decided' });
    expect(await breakGlass.find(id)).toMatchObject({ status: 'granted', second: sam.id });
    await put(['change_record']);
    await expect(breakGlass.askToSecond(id, tom.id)).rejects.toMatchObject({ code: 'incident_decided' });
    expect(world.audit.ofType('incident.granted')).toHaveLength(1);
  });

  it('cannot lock anybody by an emergency that nobody declared', async () => {
    await thief.query(
      `update incidents set status = 'granted', holder = $2, second = $3, review_due_at = 'epoch', next_attempt = 'epoch' where id = $1`,
      [id, cora.id, tom.id],
    );
    await breakGlass.handleDue();
    expect(await world.keys.register.isLocked(cora.id)).toBe(false);
  });

  it('cannot lock anybody by the review of an emergency that nobody declared', async () => {
    // By the same reviewer, for any purpose.
    const statement = await world.sign(sam, await breakGlass.askToSecond(id, sam.id));
    await grantWithout(tom.id);
    await thief.query(`update incidents set review_due_at = 'epoch' where id = $1`, [id]);
    await expect(breakGlass.review(id, 'justified', 'Looked at all of it', statement)).rejects.toEqual(unproven);
    for (const who of [fay, tom]) expect(await world.keys.register.isLocked(who.id)).toBe(false);
    expect([world.revoked, world.audit.ofType('incident.overdue')]).toEqual([[], []]);
  });
});
