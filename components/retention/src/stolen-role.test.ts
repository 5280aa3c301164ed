import { codeOf } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningRetention } from './index.ts';
import { colin, createRetentionWorld, paula, type RetentionWorld } from './testing/retention-world.ts';

let world: RetentionWorld;
let retention: RunningRetention;
beforeEach(async () => {
  world = await createRetentionWorld();
  retention = world.retention;
});
afterEach(() => world.close());

/** Changes a stored simulation with the role of retention. */
const alter = (id: string, sql: string) =>
  world.scratch.pool('retention').query(`update simulations set content = ${sql} where id = $1`, [id]);
const shorter = { kind: 'schedule', presets: ['mifir-25'], years: { transaction: 7, authority: 7 } } as const;

describe('a thief with the database role of retention', () => {
  it('finds no table that decides', async () => {
    const { rows } = await world.scratch
      .pool('retention')
      .query(
        "select relname from pg_class where relnamespace = 'retention'::regnamespace and relkind in ('r', 'p') order by 1",
      );
    expect(rows).toEqual([{ relname: 'named_locks' }, { relname: 'simulations' }]);
  });

  it('cannot change a simulation to keep less than the law requires: it can no longer be proposed', async () => {
    const { id } = await retention.simulate(shorter, paula);
    await alter(id, `jsonb_set(content, '{change,years,transaction}', '1')`);
    expect(await codeOf(retention.changes.propose(id, 'shorter', paula))).toBe('retention_too_short');
  });

  it('cannot change a simulation to other points in time: it can no longer be proposed', async () => {
    const { id } = await retention.simulate(shorter, paula);
    await alter(id, `jsonb_set(content, '{before,transaction}', '"2001-01-01T00:00:00.000Z"')`);
    expect(await codeOf(retention.changes.propose(id, 'shorter', paula))).toBe('retention_not_simulated');
    expect(world.log.ofType('retention.proposed')).toEqual([]);
  });

  it('cannot change a simulation to remove nothing: the approval detects it', async () => {
    for (const ago of [8, 9]) world.aged(ago, { type: 'transaction.opened' });
    const { id } = await retention.simulate(shorter, paula);
    await alter(id, `jsonb_set(content, '{would,0,due}', '0')`);
    const { id: proposal, digest } = await retention.changes.propose(id, 'shorter', paula);
    expect(await codeOf(retention.changes.approve(proposal, digest, colin))).toBe('proposal_outdated');
    expect((await retention.state()).schedule.version).toBe(0);
  });
});
