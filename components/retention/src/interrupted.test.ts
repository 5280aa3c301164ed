import type { RecordDraft } from '@countersign/contracts';
import { codeOf } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningRetention } from './index.ts';
import { colin, createRetentionWorld, paula, type RetentionWorld, tessa } from './testing/retention-world.ts';

let world: RetentionWorld;
let retention: RunningRetention;
beforeEach(async () => {
  world = await createRetentionWorld();
  retention = world.retention;
});
afterEach(() => world.close());

const longer = { kind: 'schedule', presets: ['mifir-25'], years: { transaction: 12, authority: 12 } } as const;
const died = expect.objectContaining({ message: 'the process died' });
const propose = async () => retention.changes.propose((await retention.simulate(longer, paula)).id, 'longer', paula);

/** A node whose process dies when the next record of this type is durable. */
function dying(type: RecordDraft['type']): RunningRetention {
  return world.node({
    audit: {
      ...world.log,
      async append(draft) {
        const receipt = await world.log.append(draft);
        if (draft.type === type) throw new Error('the process died');
        return receipt;
      },
    },
  });
}

describe('a process that dies after the retention record', () => {
  it('of an approval leaves it in force, and nobody decides it again', async () => {
    const { id, digest } = await propose();
    await expect(dying('retention.changed').changes.approve(id, digest, colin)).rejects.toEqual(died);
    expect((await retention.state()).schedule.version).toBe(1);
    expect(await codeOf(retention.changes.approve(id, digest, colin))).toBe('proposal_settled');
    expect(await codeOf(retention.changes.reject(id, 'not now', colin))).toBe('proposal_settled');
    expect(world.log.ofType('retention.changed')).toHaveLength(1);
  });

  it('of a rejection or a hold leaves it in force', async () => {
    const { id, digest } = await propose();
    await expect(dying('retention.rejected').changes.reject(id, 'not now', colin)).rejects.toEqual(died);
    expect(await codeOf(retention.changes.approve(id, digest, colin))).toBe('proposal_settled');
    const wanted = { scope: { person: tessa.id }, matter: 'Case 7', future: true };
    await expect(dying('hold.placed').holds.place(wanted, paula)).rejects.toEqual(died);
    expect([...(await retention.state()).holds.values()]).toMatchObject([{ matter: 'Case 7' }]);
  });
});

describe('two nodes at once', () => {
  it('decide a proposal once, however many approve and reject it', async () => {
    const { id, digest } = await propose();
    const nodes = [retention, world.node()];
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, index) => {
        const { changes } = nodes[index % 2] ?? retention;
        return codeOf(index % 3 === 0 ? changes.reject(id, 'not now', colin) : changes.approve(id, digest, colin));
      }),
    );
    expect(outcomes.filter((outcome) => outcome === 'proposal_settled')).toHaveLength(11);
    expect(world.log.ofType('retention.changed').length + world.log.ofType('retention.rejected').length).toBe(1);
  });

  it('that have lost the lock to each other record one decision', async () => {
    const { id, digest } = await propose();
    const other = world.node();
    // The first has checked but not recorded yet when the second does all of it.
    let isFirst = true;
    const first = world.node({
      audit: {
        ...world.log,
        async append(draft) {
          if (isFirst && draft.type === 'retention.changed') {
            isFirst = false;
            await world.scratch
              .pool('retention')
              .query(
                `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
              );
            await other.changes.approve(id, digest, colin);
          }
          return world.log.append(draft);
        },
      },
    });
    await expect(first.changes.approve(id, digest, colin)).rejects.toBeDefined();
    expect(world.log.ofType('retention.changed')).toHaveLength(1);
    expect((await retention.state()).schedule.version).toBe(1);
  });
});
