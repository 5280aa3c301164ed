import type { OpenedTransaction } from '@countersign/contracts';
import { digestOf, type TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor, clearerSignatory } from '../../consent-store/src/testing/firms.ts';
import {
  type ApprovingWorld,
  createApprovingWorld,
  foreignOperations,
  olga,
  oscar,
} from './testing/approving-world.ts';
import { supervisor, trader } from './testing/trading-world.ts';

let world: ApprovingWorld;
beforeAll(async () => {
  world = await createApprovingWorld();
});
afterAll(() => world.close());

const coded = (code: string, facts: object = {}) =>
  expect.objectContaining({
    code,
    ...(Object.keys(facts).length === 0 ? {} : { facts: expect.objectContaining(facts) }),
  });
const changes = (count: number): Promise<readonly OpenedTransaction[]> =>
  Promise.all(Array.from({ length: count }, () => world.begin('privileged_admin')));
const approversOf = async (id: TransactionId) =>
  (await world.registry.facts(id))?.approvals.map(({ approver }) => approver);

/** Checks that one signature left no trace on any of these. */
async function expectNoneApproved(targets: readonly OpenedTransaction[]): Promise<void> {
  for (const { id } of targets) expect(await approversOf(id)).toEqual([]);
}

describe('one signature for several transactions', () => {
  it('is an approval of each, with the root and the whole signature in the evidence of each', async () => {
    const targets = await changes(3);
    const jws = world.signedBatch(olga, targets);
    const { root, approvals } = await world.registry.approveBatch(jws);
    expect(root).toBe(digestOf(targets.map(({ id, intentDigest }) => ({ txn: id, intent_digest: intentDigest }))));
    expect(approvals.map(({ transaction }) => transaction)).toEqual(targets.map(({ id }) => id));
    for (const [index, { id, intentDigest, recordId }] of targets.entries()) {
      expect(await approversOf(id)).toEqual([olga.id]);
      expect(world.recordsOf(id).find((record) => record.id === approvals[index]?.recordId)).toMatchObject({
        type: 'approval.given',
        subject: { id: olga.id },
        intent: intentDigest,
        references: [world.directoryRecord, recordId],
        data: { jws, batch_root: root, role: 'operations' },
      });
    }
  });

  it('is one approval of each, even if submitted to two nodes at once', async () => {
    const targets = await changes(4);
    const jws = world.signedBatch(olga, targets);
    const nodes = [world.registry, world.registryWith()];
    const brought = await Promise.allSettled(
      Array.from({ length: 6 }, (_, index) => nodes[index % 2]?.approveBatch(jws)),
    );
    expect(brought.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const { id } of targets) {
      expect(await approversOf(id)).toEqual([olga.id]);
      expect(world.recordsOf(id).filter(({ type }) => type === 'approval.given')).toHaveLength(1);
    }
  });

  it('can stand beside single approvals', async () => {
    const targets = await changes(2);
    const [first] = targets;
    if (first === undefined) throw new Error('nothing was begun');
    await world.approve(oscar, first);
    await world.registry.approveBatch(world.signedBatch(olga, targets));
    await expect(world.step(first.id, 'apply', actor(trader))).resolves.toMatchObject({ state: 'applied' });
  });

  it('covers at most a hundred', async () => {
    const targets = await changes(101);
    await expect(world.registry.approveBatch(world.signedBatch(olga, targets))).rejects.toThrow(
      coded('approval_malformed'),
    );
    await expectNoneApproved(targets.slice(0, 3));
    const { approvals } = await world.registry.approveBatch(world.signedBatch(olga, targets.slice(0, 100)));
    expect(approvals.map(({ transaction }) => transaction)).toEqual(targets.slice(0, 100).map(({ id }) => id));
  });

  it('is recorded once when many submit it at once, whatever order they lock in', async () => {
    const targets = await changes(5);
    const attempts = await Promise.allSettled([
      ...Array.from({ length: 6 }, () => world.registry.approveBatch(world.signedBatch(olga, targets))),
      ...Array.from({ length: 6 }, () => world.registry.approveBatch(world.signedBatch(oscar, targets.toReversed()))),
    ]);
    expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    for (const { id } of targets) expect((await approversOf(id))?.toSorted()).toEqual([olga.id, oscar.id]);
  });

  it('counts for none while its process has died after the records, and is completed for each when it is submitted again', async () => {
    const targets = await changes(3);
    const jws = world.signedBatch(olga, targets);
    const connections = world.scratch.pool('transaction-registry', { maxConnections: 1 });
    world.audit.afterNextAppend(async () => {
      await connections.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
      );
    });
    await expect(world.registry.approveBatch(jws)).rejects.toThrow(coded('database_unavailable'));
    await expectNoneApproved(targets);
    const { approvals } = await world.registryWith().approveBatch(jws);
    for (const [index, { id }] of targets.entries()) {
      expect(world.recordsOf(id).filter(({ type }) => type === 'approval.given')).toMatchObject([
        { id: approvals[index]?.recordId, data: { approval_id: approvals[index]?.id } },
      ]);
      expect(await approversOf(id)).toEqual([olga.id]);
    }
  });

  it('leaves nothing behind when the log cannot be written', async () => {
    const targets = await changes(2);
    const jws = world.signedBatch(olga, targets);
    world.audit.breakDown('writing');
    await expect(world.registry.approveBatch(jws)).rejects.toThrow(coded('log_unavailable'));
    world.audit.repair();
    await expectNoneApproved(targets);
    await expect(world.registry.approveBatch(jws)).resolves.toMatchObject({ approvals: [{}, {}] });
  });
});

describe('one signature for several transactions counts for none when', () => {
  it('one of them is not waiting for approvals, which it names', async () => {
    const targets = await changes(3);
    const [, late] = targets;
    if (late === undefined) throw new Error('nothing was begun');
    await world.step(late.id, 'cancel', actor(trader));
    await expect(world.registry.approveBatch(world.signedBatch(olga, targets))).rejects.toThrow(
      coded('approval_not_awaited', { transaction: late.id }),
    );
    await expectNoneApproved(targets);
    expect(world.refusalsOf(late.id)).toMatchObject([
      { reason: 'approval_not_awaited', subject: { id: olga.id }, references: [late.recordId] },
    ]);
  });

  it('one of them was already approved by the same person', async () => {
    const targets = await changes(3);
    const [, , third] = targets;
    if (third === undefined) throw new Error('nothing was begun');
    await world.approve(olga, third);
    await expect(world.registry.approveBatch(world.signedBatch(olga, targets))).rejects.toThrow(
      coded('approval_repeated', { transaction: third.id }),
    );
    expect(await approversOf(targets[0]?.id ?? third.id)).toEqual([]);
    expect(await approversOf(third.id)).toEqual([olga.id]);
  });

  it('one field of one intent differs from what was signed', async () => {
    const targets = await changes(2);
    const items = targets.map(({ id, intentDigest }, index) => ({
      txn: id,
      intent_digest: index === 1 ? digestOf('another intent') : intentDigest,
    }));
    const jws = world.signedBatch(olga, targets, { items, root: digestOf(items) });
    await expect(world.registry.approveBatch(jws)).rejects.toThrow(
      coded('approval_terms_changed', { transaction: targets[1]?.id }),
    );
    await expectNoneApproved(targets);
  });

  it('the intents of two of them were swapped', async () => {
    const targets = await changes(2);
    const [one, two] = targets;
    const items = [
      { txn: one?.id, intent_digest: two?.intentDigest },
      { txn: two?.id, intent_digest: one?.intentDigest },
    ];
    const jws = world.signedBatch(olga, targets, { items, root: digestOf(items) });
    await expect(world.registry.approveBatch(jws)).rejects.toThrow(coded('approval_terms_changed'));
    await expectNoneApproved(targets);
    for (const { id } of targets) expect(world.refusalsOf(id)).toMatchObject([{ reason: 'approval_terms_changed' }]);
  });

  it.each([
    ['another list', (items: readonly object[]) => digestOf(items.slice(1))],
    ['the same list in another order', (items: readonly object[]) => digestOf(items.toReversed())],
  ])('the root is that of %s', async (_, rootOf) => {
    const targets = await changes(2);
    const items = targets.map(({ id, intentDigest }) => ({ txn: id, intent_digest: intentDigest }));
    const before = world.audit.ofType('approval.refused').length;
    await expect(
      world.registry.approveBatch(world.signedBatch(olga, targets, { root: rootOf(items) })),
    ).rejects.toThrow(coded('approval_batch_root'));
    await expectNoneApproved(targets);
    expect(world.audit.ofType('approval.refused').slice(before)).toMatchObject([
      { reason: 'approval_batch_root', subject: { id: olga.id } },
    ]);
  });

  it('an item was added after signing', async () => {
    const [one, two, three] = await changes(3);
    if (one === undefined || two === undefined || three === undefined) throw new Error('nothing was begun');
    const [header, , signature] = world.signedBatch(olga, [one, two]).split('.');
    const claims = world.signedBatch(olga, [one, two, three]).split('.')[1];
    await expect(world.registry.approveBatch([header, claims, signature].join('.'))).rejects.toThrow(
      coded('approval_signature'),
    );
    await expectNoneApproved([one, two, three]);
  });

  it('one of them is of an institution that is not a party to it, which learns nothing of it', async () => {
    const own = await changes(1);
    const unknown = { id: 'txn_00000000000000000000000000' as TransactionId, intentDigest: digestOf('nothing') };
    const targets = [...own, ...(await changes(1))];
    const foreign = world.registry.approveBatch(world.signedBatch(foreignOperations, targets));
    await expect(foreign).rejects.toThrow(coded('transaction_not_found'));
    await expect(world.registry.approveBatch(world.signedBatch(olga, [...own, unknown] as never))).rejects.toThrow(
      coded('transaction_not_found', { transaction: unknown.id }),
    );
    await expectNoneApproved(targets);
  });

  it('one of them was initiated by the signer', async () => {
    const mine = await world.begin('privileged_admin', {}, actor(olga));
    const targets = [...(await changes(1)), mine];
    await expect(world.registry.approveBatch(world.signedBatch(olga, targets))).rejects.toThrow(
      coded('approval_self', { transaction: mine.id }),
    );
    await expectNoneApproved(targets);
  });

  it.each([
    ['no items', { items: [] }],
    ['items that are no list', { items: { txn: 'x' } }],
    ['an item that is not an object', { items: ['txn'] }],
    [
      'an item with a member beside',
      { items: [{ txn: 'txn_00000000000000000000000000', intent_digest: digestOf('x'), and: 1 }] },
    ],
    ['an item without its intent', { items: [{ txn: 'txn_00000000000000000000000000' }] }],
    ['no root', { root: undefined }],
    ['a root that is not a digest', { root: 'everything' }],
    ['a transaction beside the items', { txn: 'txn_00000000000000000000000000' }],
    ['another decision', { decision: 'reject' }],
    ['no end', { exp: undefined }],
  ])('the signed statement has %s', async (_, change) => {
    const targets = await changes(1);
    await expect(world.registry.approveBatch(world.signedBatch(olga, targets, change))).rejects.toThrow(
      coded('approval_malformed'),
    );
    await expectNoneApproved(targets);
  });

  it('it names a transaction twice', async () => {
    const targets = await changes(1);
    await expect(world.registry.approveBatch(world.signedBatch(olga, [...targets, ...targets]))).rejects.toThrow(
      coded('approval_malformed'),
    );
  });

  it('it is submitted as a single approval, or a single approval as a batch', async () => {
    const [one] = await changes(1);
    if (one === undefined) throw new Error('nothing was begun');
    await expect(world.registry.approve(one.id, world.signedBatch(olga, [one]))).rejects.toThrow(
      coded('approval_malformed'),
    );
    await expect(world.registry.approveBatch(world.signed(olga, one))).rejects.toThrow(coded('approval_malformed'));
  });

  it('it was signed with a key that is not registered for approvals', async () => {
    const targets = await changes(1);
    await expect(world.registry.approveBatch(world.signedBatch(clearerSignatory, targets))).rejects.toThrow(
      coded('approval_key_unknown'),
    );
    await expectNoneApproved(targets);
  });

  it('it has expired', async () => {
    const targets = await changes(2);
    const jws = world.signedBatch(supervisor, targets, { iat: 1_000, exp: 2_000 });
    await expect(world.registry.approveBatch(jws)).rejects.toThrow(coded('approval_expired'));
    expect(world.refusalsOf(targets[1]?.id ?? ('' as TransactionId))).toMatchObject([{ reason: 'approval_expired' }]);
  });
});
