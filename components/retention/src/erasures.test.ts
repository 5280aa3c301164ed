import { codeOf } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningRetention } from './index.ts';
import { colin, createRetentionWorld, paula, type RetentionWorld, tessa } from './testing/retention-world.ts';

const subject = 'person:tessa.trader';
let world: RetentionWorld;
let retention: RunningRetention;
beforeEach(async () => {
  world = await createRetentionWorld();
  retention = world.retention;
  key('key_old', 2029);
  key('key_young', 2034);
});
afterEach(() => world.close());

function key(id: string, year: number): void {
  world.custody.keys.set(id, {
    ...{ key: id, subject, region: 'eu', class: 'access', year, values: 3 },
    newest: `${year}-06-01T00:00:00.000Z`,
  });
}
const propose = (keys?: readonly string[]) =>
  retention.erasures.propose(
    { subject, reason: 'request of the subject', ...(keys === undefined ? {} : { keys }) },
    paula,
  );
const standing = async (id: string) => (await retention.state()).proposals.get(id);

describe('an erasure', () => {
  it('is proposed and approved by two people, and removes what is due', async () => {
    expect(await retention.erasures.keysOf(subject)).toMatchObject([
      { key: 'key_old', due: true, erasableFrom: '2034-06-01T00:00:00.000Z' },
      { key: 'key_young', due: false },
    ]);
    const { id, digest, keys } = await propose();
    expect(keys).toMatchObject([{ key: 'key_old', values: 3 }]);
    expect(await retention.erasures.approve(id, digest, colin)).toMatchObject({ status: 'approved' });
    await retention.carryOut();
    expect(await standing(id)).toMatchObject({ status: 'completed', erased: 3 });
    expect(world.custody.keys.get('key_old')).toHaveProperty('erasedAt');
    expect(world.custody.keys.get('key_young')).not.toHaveProperty('erasedAt');
    const [approval] = world.log.ofType('erasure.approved');
    expect(world.log.ofType('erasure.completed')).toMatchObject([{ references: [approval?.id] }]);
  });

  it('is refused from one person alone, under another digest, twice, and after seven days', async () => {
    const { id, digest } = await propose();
    expect(await codeOf(retention.erasures.approve(id, digest, paula))).toBe('own_proposal');
    expect(await codeOf(retention.erasures.approve(id, 'y'.repeat(43), colin))).toBe('proposal_outdated');
    await retention.erasures.approve(id, digest, colin);
    expect(await codeOf(retention.erasures.approve(id, digest, tessa))).toBe('proposal_settled');
    await retention.carryOut();
    key('key_other', 2028);
    const late = await propose();
    world.clock.advance(7 * 86_400_000);
    expect(await codeOf(retention.erasures.approve(late.id, late.digest, colin))).toBe('proposal_settled');
  });

  it('removes nothing once its proposer may no longer propose it, and ends at that attempt', async () => {
    const asked: string[] = [];
    const node = world.node({
      proposerStanding: async ({ proposers, scope }) => {
        asked.push(...proposers, scope);
        return 'right-lost';
      },
    });
    const { id, digest } = await propose();
    expect(await codeOf(node.erasures.approve(id, digest, colin))).toBe('proposer_gone');
    expect(asked).toEqual([paula.id, 'erasure:propose']);
    expect(world.log.ofType('access.refused')).toMatchObject([{ reason: 'proposer_gone' }]);
    expect(await codeOf(retention.erasures.approve(id, digest, tessa))).toBe('proposal_settled');
    await retention.carryOut();
    expect(world.custody.keys.get('key_old')).not.toHaveProperty('erasedAt');
  });

  it('waits until every record under the keys may be removed', async () => {
    expect(await codeOf(propose(['key_young']))).toBe('erasure_too_early');
    expect(await codeOf(propose(['key_old', 'key_young']))).toBe('erasure_too_early');
    world.custody.keys.delete('key_old');
    expect(await codeOf(propose())).toBe('erasure_too_early');
  });

  it('needs a person about whom something is stored', async () => {
    expect(await codeOf(propose(['key_of_another']))).toBe('subject_without_values');
    const nobody = retention.erasures.propose({ subject: 'person:nobody', reason: 'asked' }, paula);
    expect(await codeOf(nobody)).toBe('subject_without_values');
  });

  it('is stopped by a hold when it is proposed, approved, or carried out', async () => {
    const hold = () => retention.holds.place({ scope: { person: subject }, matter: 'case 9', future: true }, paula);
    const release = ({ id }: { readonly id: string }) => retention.holds.release(id, 'settled', colin);
    const before = await hold();
    expect(await codeOf(propose())).toBe('erasure_held');
    await release(before);
    const { id, digest } = await propose();
    const between = await hold();
    expect(await codeOf(retention.erasures.approve(id, digest, colin))).toBe('erasure_held');
    await release(between);
    world.custody.beforeSlice = hold;
    await retention.erasures.approve(id, digest, colin);
    await retention.carryOut();
    expect(await standing(id)).toMatchObject({ status: 'rejected' });
    expect(world.log.ofType('erasure.rejected')).toMatchObject([{ outcome: 'deny', reason: 'erasure_held' }]);
    expect(world.custody.keys.get('key_old')).not.toHaveProperty('erasedAt');
  });

  it('is not done later because a hold ended: it needs two people again', async () => {
    const { id, digest } = await propose();
    const placed: { id: string }[] = [];
    world.custody.beforeSlice = async () => {
      placed.push(await retention.holds.place({ scope: { person: subject }, matter: 'case 9', future: true }, paula));
    };
    await retention.erasures.approve(id, digest, colin);
    await retention.carryOut();
    for (const hold of placed) await retention.holds.release(hold.id, 'settled', colin);
    await retention.carryOut();
    expect(world.custody.keys.get('key_old')).not.toHaveProperty('erasedAt');
  });

  it('is completed by another process when one died after the approval', async () => {
    const { id, digest } = await propose();
    world.custody.failures = 1;
    await retention.erasures.approve(id, digest, colin);
    await retention.carryOut();
    await retention.stop();
    world.custody.failures = 0;
    const other = world.node();
    await other.carryOut();
    expect((await other.state()).proposals.get(id)).toMatchObject({ status: 'completed' });
    expect(world.log.ofType('erasure.completed')).toHaveLength(1);
  });

  it('can be rejected', async () => {
    const { id, digest } = await propose();
    await retention.erasures.reject(id, 'a claim is coming', colin);
    expect(await codeOf(retention.erasures.approve(id, digest, colin))).toBe('proposal_settled');
    await retention.carryOut();
    expect(world.custody.keys.get('key_old')).not.toHaveProperty('erasedAt');
  });
});
