import type { RecordDraft } from '@countersign/contracts';
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
let world: BreakGlassWorld;
let breakGlass: RunningBreakGlass;

beforeEach(async () => {
  world = await createBreakGlassWorld();
  breakGlass = world.node();
  for (const each of [fay, sam, tom, cora]) world.keys.enrol(each.id);
});
afterEach(() => world.close());

const withCode = (code: string) => expect.objectContaining({ code });
const idsOf = (type: RecordDraft['type']) => world.audit.ofType(type).map(({ id }) => id);

/** The process dies between the record and the row; another one continues. */
async function interrupted(type: RecordDraft['type'], act: () => Promise<unknown>) {
  world.dieAfter(type);
  await expect(act()).rejects.toThrow('the process died');
  breakGlass = world.node();
}
async function granted() {
  const { id } = await world.declare(breakGlass);
  return world.second(breakGlass, id);
}

describe('a process that dies between a record and its row', () => {
  it('does not block the holder: the declaration is stored at their next request, and lapses', async () => {
    await interrupted('incident.declared', () => world.declare(breakGlass));
    expect(await breakGlass.list({})).toEqual([]);
    await expect(world.declare(breakGlass)).rejects.toEqual(withCode('incident_unreviewed'));
    expect(await breakGlass.list({})).toMatchObject([
      { status: 'declared', holder: fay.id, reference: stopOrders.reference, recordId: idsOf('incident.declared')[0] },
    ]);
    world.clock.advance(15 * minute);
    await breakGlass.handleDue();
    expect(await breakGlass.list({})).toMatchObject([{ status: 'lapsed' }]);
    await expect(world.declare(breakGlass)).resolves.toMatchObject({ status: 'declared' });
  });

  it('loses no declaration: once looked at, it is seconded, ends and is reviewed as any other', async () => {
    await interrupted('incident.declared', () => world.declare(breakGlass));
    // By somebody who could be a second holder as well.
    const other = await world.declare(breakGlass, tom);
    await expect(breakGlass.askToSecond(other.id, fay.id)).rejects.toEqual(withCode('incident_unreviewed'));
    const id = (await breakGlass.list({})).find(({ holder }) => holder === fay.id)?.id;
    if (id === undefined) throw new Error('it is not stored');
    await world.second(breakGlass, id);
    await breakGlass.collect(id, thumbprint);
    world.clock.advance(15 * minute);
    await expect(world.review(breakGlass, id)).resolves.toMatchObject({ status: 'reviewed' });
    await expect(world.declare(breakGlass)).resolves.toMatchObject({ status: 'declared' });
  });

  it('revokes no access that a second holder has granted, and spares nobody its review', async () => {
    const { id } = await world.declare(breakGlass);
    await interrupted('incident.granted', () => world.second(breakGlass, id));
    await expect(breakGlass.askToSecond(id, sam.id)).rejects.toEqual(withCode('incident_decided'));
    expect(await breakGlass.find(id)).toMatchObject({ status: 'granted', second: sam.id, collected: false });
    await breakGlass.collect(id, thumbprint);
    world.clock.advance(15 * minute);
    await world.review(breakGlass, id);
    for (const who of [fay, sam]) await expect(breakGlass.askToDeclare(stopOrders, who.id)).resolves.toBeDefined();
    expect(idsOf('incident.granted')).toHaveLength(1);
  });

  it('lets nothing lapse that was granted, although nobody has looked in between', async () => {
    const { id } = await world.declare(breakGlass);
    await interrupted('incident.granted', () => world.second(breakGlass, id));
    world.clock.advance(15 * minute);
    await breakGlass.handleDue();
    expect(await breakGlass.find(id)).toMatchObject({ status: 'granted' });
    world.clock.advance(24 * hour);
    await breakGlass.handleDue();
    expect(await breakGlass.find(id)).toMatchObject({ status: 'overdue' });
    for (const who of [fay, sam]) expect(await world.keys.register.isLocked(who.id)).toBe(true);
    expect(idsOf('incident.lapsed')).toEqual([]);
  });

  it('leaves no token of an ended access: a repeated end revokes it', async () => {
    const { id, endsAt } = await granted();
    await breakGlass.collect(id, thumbprint);
    world.clock.advance(minute);
    await interrupted('incident.ended', () => breakGlass.end(id, fay.id));
    expect(world.revoked).toEqual([]);
    const again = await breakGlass.end(id, fay.id);
    expect(again).toMatchObject({ status: 'granted', endsAt: '2026-11-21T09:01:00.000Z' });
    expect(again.endsAt).not.toBe(endsAt);
    expect(world.revoked).toMatchObject([{ kind: 'token' }]);
    expect(idsOf('incident.ended')).toHaveLength(1);
    await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(withCode('incident_over'));
  });

  it('does not restore an ended access, although nobody has ended it again', async () => {
    const { id } = await granted();
    await interrupted('incident.ended', () => breakGlass.end(id, fay.id));
    await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(withCode('incident_over'));
    await expect(world.review(breakGlass, id)).resolves.toMatchObject({ status: 'reviewed' });
  });

  it('has a review recorded once, even when repeated', async () => {
    const { id } = await granted();
    world.clock.advance(15 * minute);
    await interrupted('incident.reviewed', () => world.review(breakGlass, id));
    await expect(world.review(breakGlass, id)).rejects.toEqual(withCode('incident_decided'));
    expect(await breakGlass.find(id)).toMatchObject({ status: 'reviewed', review: { by: cora.id } });
    expect(idsOf('incident.reviewed')).toHaveLength(1);
    await expect(world.declare(breakGlass)).resolves.toMatchObject({ status: 'declared' });
  });

  it('leaves pending work that the next look completes', async () => {
    const { id } = await granted();
    const other = await world.declare(breakGlass, tom);
    world.clock.advance(15 * minute);
    world.dieAfter('incident.lapsed');
    await breakGlass.handleDue();
    world.clock.advance(minute);
    await breakGlass.handleDue();
    expect(await breakGlass.find(other.id)).toMatchObject({ status: 'lapsed' });
    world.clock.advance(24 * hour);
    world.dieAfter('incident.overdue');
    await breakGlass.handleDue();
    world.clock.advance(minute);
    await breakGlass.handleDue();
    expect(await breakGlass.find(id)).toMatchObject({ status: 'overdue' });
    expect([idsOf('incident.lapsed'), idsOf('incident.overdue')].map(({ length }) => length)).toEqual([1, 1]);
  });
});

describe('when other components fail', () => {
  it('nothing is recorded, and nobody blocked, while the alarm cannot be sent', async () => {
    world.fail('notices');
    await expect(world.declare(breakGlass)).rejects.toThrow('nobody can be told');
    expect(world.audit.records).toEqual([]);
    world.fail();
    const { id } = await world.declare(breakGlass);
    world.fail('notices');
    await expect(world.second(breakGlass, id)).rejects.toThrow('nobody can be told');
    expect(idsOf('incident.granted')).toEqual([]);
    await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(withCode('incident_decided'));
    world.fail();
    await expect(world.second(breakGlass, id)).resolves.toMatchObject({ status: 'granted' });
  });

  it('an end counts before its token is revoked, and either holder can repeat it to revoke the token', async () => {
    const { id } = await granted();
    await breakGlass.collect(id, thumbprint);
    world.fail('revocations');
    await expect(breakGlass.end(id, fay.id)).rejects.toThrow('tokens cannot be revoked');
    await expect(breakGlass.collect(id, thumbprint)).rejects.toEqual(withCode('incident_over'));
    world.fail();
    await breakGlass.end(id, sam.id);
    expect(world.revoked).toMatchObject([{ kind: 'token' }]);
    expect(idsOf('incident.ended')).toHaveLength(1);
  });
});
