import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from './index.ts';
import { fileWithServices } from './testing/example-clients.ts';
import { broker } from './testing/example-file.ts';
import { createRig, proposer, type Rig, refusalOf } from './testing/rig.ts';

/**
 * A change is recorded, committed, and recorded as committed. The directory must recover from a crash between any two
 * steps.
 */
describe('a change that is interrupted', () => {
  let rig: Rig;
  let directory: DirectoryComponent;

  beforeEach(async () => {
    rig = await createRig();
    directory = await rig.open();
    await directory.apply(fileWithServices(), proposer);
  });
  afterEach(() => rig.close());

  const serviceOf = (name: string) => ({ services: [{ id: `service:${name}`, institution: broker, roles: [] }] });
  const committed = () =>
    rig.log
      .filter(({ type }) => type === 'directory.committed')
      .map(({ data }) => (data as { version: number }).version);

  it('before its commit was never made, and the next one is', async () => {
    rig.breakLog(true, ({ type }) => type === 'directory.departure');
    expect((await refusalOf(directory.leave('person:anna.keller', proposer, 'left'))).code).toBe('log_unavailable');
    // The change was recorded nevertheless.
    expect(rig.records.at(-1)).toMatchObject({ type: 'directory.applied', data: { version: 2 } });
    expect((await rig.open()).snapshot()).toMatchObject({ version: 1 });
    expect(directory.snapshot().principal('person:anna.keller')).toBeDefined();
    rig.breakLog(false);
    await directory.leave('person:anna.keller', proposer, 'left');
    expect((await rig.open()).snapshot().principal('person:anna.keller')).toBeUndefined();
    expect(committed()).toEqual([1, 2]);
  });

  it('after its commit counts, on running and starting nodes, and is recorded once possible', async () => {
    const other = await rig.open();
    rig.breakLog(true, ({ type }) => type === 'directory.committed');
    const { version } = await directory.apply(serviceOf('late'), proposer);
    for (const node of [directory, other, await rig.open()])
      expect((await node.snapshotAtLeast(version)).principal('service:late')).toBeDefined();
    expect(committed()).toEqual([1]);
    rig.breakLog(false);
    // The next change follows it on any node.
    await other.apply(serviceOf('later'), proposer);
    expect(committed()).toEqual([1, 2, 3]);
    expect(rig.log.filter(({ type }) => type === 'row.rejected')).toEqual([]);
  });

  it('is recorded as committed by another node when its own node is gone', async () => {
    const dying = await rig.open();
    rig.breakLog(true, ({ type }) => type === 'directory.committed');
    await dying.apply(serviceOf('late'), proposer);
    await dying.stop();
    rig.breakLog(false);
    const heir = await rig.open({ pollMs: 20 });
    await expect.poll(committed, { timeout: 60_000 }).toEqual([1, 2]);
    expect(heir.snapshot().principal('service:late')).toBeDefined();
  });

  it('is not undone by rows that are put back before it is recorded as committed', async () => {
    const thief = rig.scratch.pool('directory');
    rig.breakLog(true, ({ type }) => type === 'directory.committed');
    await directory.apply(serviceOf('late'), proposer);
    await thief.query(`delete from entities where id = 'service:late'`);
    const { rows } = await thief.query(`select id, record_id from entities where record_id is not null`);
    expect(rows).toHaveLength(1);
    const [first] = rig.log.filter(({ type }) => type === 'directory.applied');
    await thief.query('update entities set record_id = $1 where record_id is not null', [first?.id]);
    await thief.query('update directory_state set version = 1');
    rig.breakLog(false);
    // The node that made the change knows of the commit and records it.
    await expect(directory.snapshotAtLeast(99)).rejects.toMatchObject({ code: 'authority_unproven' });
    expect(committed()).toEqual([1, 2]);
    await expect(rig.open()).rejects.toMatchObject({ code: 'authority_unproven' });
  });

  it('that was stored before such records existed is taken over once, with the departures under way', async () => {
    const failing = await rig.open({
      departureEffects: () => [{ name: 'tokens', end: () => Promise.reject(new Error('out of order')) }],
    });
    await failing.leave('person:anna.keller', proposer, 'left');
    await failing.stop();
    await directory.stop();
    rig.rewriteLog(({ standing: _, ...before }) => (before.type === 'directory.committed' ? undefined : before));
    const ended: string[] = [];
    const node = await rig.open({
      departureEffects: () => [{ name: 'tokens', end: async ({ principal }) => ({ ended: ended.push(principal) }) }],
    });
    await (await rig.open()).stop();
    expect(rig.log.filter(({ type }) => type === 'directory.committed')).toMatchObject([
      { data: { version: 2, taken_over: true } },
    ]);
    rig.clock.advance(600_000);
    await node.carryDepartures();
    expect(ended).toEqual(['person:anna.keller']);
    await node.apply(serviceOf('next'), proposer);
    expect(committed()).toEqual([2, 3]);
  });
});
