import { type RecordDraft, standing } from '@countersign/contracts';
import { newId, type RecordId, toInstant } from '@countersign/kernel';
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

const minute = 60_000;
const hour = 60 * minute;
const acr = 'phrh';

describe('an incident whose records do not carry the state yet', () => {
  let world: BreakGlassWorld;
  let breakGlass: RunningBreakGlass;

  beforeEach(async () => {
    world = await createBreakGlassWorld();
    breakGlass = world.node();
    for (const each of [fay, sam, tom, cora]) world.keys.enrol(each.id);
  });
  afterEach(() => world.close());

  const unproven = expect.objectContaining({ code: 'authority_unproven' });
  const rows = () => world.database.pool('break-glass');
  const withCode = (code: string) => expect.objectContaining({ code });

  async function recorded(draft: Pick<RecordDraft, 'id' | 'type' | 'actors' | 'standing' | 'data'>): Promise<RecordId> {
    // From an earlier version: today's records say more.
    return (await world.audit.append({ ...draft, source: 'test', outcome: 'done' })).id;
  }

  /**
   * As the earlier release stored and recorded it. @param second the holder that the row names, and whether that was
   * recorded
   */
  async function storedByEarlierRelease(
    status: 'declared' | 'granted' | 'reviewed',
    second: { readonly recorded: boolean } = { recorded: status !== 'declared' },
  ) {
    const now = world.clock.now();
    const [id, endRecord, declared] = [newId('incident', world), newId('record', world), newId('record', world)];
    const { reason, reference, resource, scopes, jkt } = stopOrders;
    const [holder, institution, secondBefore] = [fay.id, fay.institution, now + 15 * minute];
    const said = { holder, institution, reason, reference, resource, scopes: [...scopes], jkt, acr, signed_at: now };
    const content = { ...said, second_before: secondBefore, records: [declared, endRecord] };
    const unreviewed = (who: typeof fay) => standing(`unreviewed-emergency:${who.id}`, { incident: id });
    await recorded({
      ...{ id: declared, type: 'incident.declared', data: { incident: id } },
      standing: [standing(`incident:${id}`, content), unreviewed(fay)],
    });
    const reviewDueAt = now + 24 * hour;
    const granted = second.recorded
      ? await recorded({
          ...{ id: newId('record', world), type: 'incident.granted', actors: [{ id: sam.id, institution }] },
          standing: [standing(`incident-grant:${id}`, {}), unreviewed(sam)],
          data: { incident: id, review_due_at: toInstant(reviewDueAt) },
        })
      : null;
    const is = status !== 'declared';
    const [start, end, due] = [now, secondBefore, reviewDueAt].map((at) => new Date(at));
    await rows().query(
      `insert into incidents (id, status, holder, institution, reason, reference, resource, scopes, jkt, declared_at,
                              second_before, record_id, acr, signed_at, end_record, next_attempt, second, granted_at,
                              granted_record, ends_at, review_due_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $10, $14, $15, $16, $17, $18, $19, $20)`,
      [
        ...[id, status, holder, institution, reason, reference, resource, scopes, jkt, start, end, declared, acr],
        ...[
          endRecord,
          is ? due : end,
          is ? sam.id : null,
          is ? start : null,
          granted,
          is ? end : null,
          is ? due : null,
        ],
      ],
    );
    return { id, declared };
  }

  it('is seconded, or lapses: its records carry the state from then on', async () => {
    const { id, declared } = await storedByEarlierRelease('declared');
    expect(await breakGlass.find(id)).toMatchObject({ status: 'declared', recordId: declared });
    world.clock.advance(15 * minute);
    await breakGlass.handleDue();
    expect(world.audit.ofType('incident.lapsed')).toMatchObject([
      { data: { previous: declared, after: { id, status: 'lapsed', holder: fay.id } } },
    ]);
    expect(await breakGlass.find(id)).toMatchObject({ status: 'lapsed' });
    const again = await storedByEarlierRelease('declared');
    await world.second(breakGlass, again.id);
    await breakGlass.collect(again.id, thumbprint);
    expect(await breakGlass.find(again.id)).toMatchObject({ status: 'granted', collected: true });
  });

  it('grants no more access, and is reviewed: then both may declare again', async () => {
    const { id } = await storedByEarlierRelease('granted');
    await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(withCode('incident_over'));
    for (const who of [fay, sam])
      await expect(breakGlass.askToDeclare(stopOrders, who.id)).rejects.toEqual(withCode('incident_unreviewed'));
    world.clock.advance(15 * minute);
    await world.review(breakGlass, id);
    for (const who of [fay, sam]) await expect(breakGlass.askToDeclare(stopOrders, who.id)).resolves.toBeDefined();
  });

  it('locks both holders when nobody reviews it', async () => {
    await storedByEarlierRelease('granted');
    world.clock.advance(24 * hour);
    await breakGlass.handleDue();
    for (const who of [fay, sam]) expect(await world.keys.register.isLocked(who.id)).toBe(true);
  });

  it('affects nobody when no second holder was recorded, or another one', async () => {
    const { id } = await storedByEarlierRelease('granted', { recorded: false });
    const other = await storedByEarlierRelease('granted');
    await rows().query('update incidents set second = $2 where id = $1', [other.id, tom.id]);
    const third = await storedByEarlierRelease('granted');
    await rows().query(`update incidents set status = 'declared', next_attempt = 'epoch' where id = $1`, [third.id]);
    world.clock.advance(24 * hour);
    await breakGlass.handleDue();
    for (const who of [fay, sam, tom]) expect(await world.keys.register.isLocked(who.id)).toBe(false);
    for (const each of [id, other.id, third.id]) await expect(world.review(breakGlass, each)).rejects.toEqual(unproven);
    expect(world.audit.ofType('incident.lapsed')).toEqual([]);
  });

  it('that is settled stays unchanged', async () => {
    const { id } = await storedByEarlierRelease('reviewed');
    expect(await breakGlass.find(id)).toMatchObject({ status: 'reviewed', second: sam.id });
    await expect(world.review(breakGlass, id)).rejects.toEqual(withCode('incident_decided'));
  });
});
