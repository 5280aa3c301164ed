import { newId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor } from '../../consent-store/src/testing/firms.ts';
import { type ApprovingWorld, createApprovingWorld, olga, oscar } from './testing/approving-world.ts';
import { trader } from './testing/trading-world.ts';

let world: ApprovingWorld;
beforeAll(async () => {
  world = await createApprovingWorld();
});
afterAll(() => world.close());

const coded = (code: string) => expect.objectContaining({ code });
const standing = async (id: Parameters<typeof world.registry.facts>[0]) =>
  (await world.registry.facts(id))?.approvals.map(({ approver }) => approver);

describe('a withdrawn approval', () => {
  it('no longer counts, is recorded, and a repeated withdrawal gets the first answer', async () => {
    const change = await world.begin('privileged_admin');
    const given = await world.approve(olga, change);
    const withdrawn = await world.registry.withdrawApproval(change.id, given.id, actor(olga));
    expect(withdrawn).toEqual({ ...given, withdrawn: { at: expect.any(String), recordId: expect.any(String) } });
    expect(world.recordsOf(change.id).find(({ id }) => id === withdrawn.withdrawn?.recordId)).toMatchObject({
      type: 'approval.withdrawn',
      outcome: 'done',
      subject: actor(olga),
      references: [given.recordId],
      data: { approval_id: given.id, role: 'operations' },
    });
    expect(await standing(change.id)).toEqual([]);
    expect(await world.registry.withdrawApproval(change.id, given.id, actor(olga))).toEqual(withdrawn);
    expect(
      world.audit.ofType('approval.withdrawn').filter(({ transaction }) => transaction === change.id),
    ).toHaveLength(1);
  });

  it('is withdrawn once, however often requested on two nodes, and names the acting chain', async () => {
    const change = await world.begin('privileged_admin');
    const given = await world.approve(olga, change);
    const by = { ...actor(olga), through: ['service:console'] };
    const nodes = [world.registry, world.registryWith()];
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) => nodes[index % 2]?.withdrawApproval(change.id, given.id, by)),
    );
    expect(new Set(answers.map((answer) => answer?.withdrawn?.recordId)).size).toBe(1);
    expect(world.recordsOf(change.id).filter(({ type }) => type === 'approval.withdrawn')).toMatchObject([
      { subject: actor(olga), actors: [{ id: 'service:console' }] },
    ]);
  });

  it('leaves the transaction short of its quorum', async () => {
    const change = await world.begin('privileged_admin');
    const given = await world.approve(olga, change);
    await world.approve(oscar, change);
    await world.registry.withdrawApproval(change.id, given.id, actor(olga));
    await expect(world.step(change.id, 'apply', actor(trader))).rejects.toThrow(coded('approval_required'));
  });

  it('does not come back by the same signature, but by a new one', async () => {
    const change = await world.begin('privileged_admin');
    const jws = world.signed(olga, change);
    const given = await world.registry.approve(change.id, jws);
    await world.registry.withdrawApproval(change.id, given.id, actor(olga));
    await expect(world.registry.approve(change.id, jws)).rejects.toThrow(coded('approval_withdrawn'));
    expect(await standing(change.id)).toEqual([]);
    await world.approve(olga, change);
    expect(await standing(change.id)).toEqual([olga.id]);
  });

  it('can be withdrawn only by its approver, and does not exist for others', async () => {
    const change = await world.begin('privileged_admin');
    const given = await world.approve(olga, change);
    for (const other of [oscar, trader])
      await expect(world.registry.withdrawApproval(change.id, given.id, actor(other))).rejects.toThrow(
        coded('approval_not_found'),
      );
    expect(world.refusalsOf(change.id)).toMatchObject(
      [oscar, trader].map(({ id }) => ({
        reason: 'approval_not_found',
        subject: { id },
        references: [given.recordId],
      })),
    );
    const elsewhere = await world.begin('privileged_admin');
    for (const [transaction, approval] of [
      [elsewhere.id, given.id],
      [change.id, newId('approval', world)],
      [newId('transaction', world), given.id],
    ] as const)
      await expect(world.registry.withdrawApproval(transaction, approval, actor(olga))).rejects.toThrow(
        coded('approval_not_found'),
      );
    expect(await standing(change.id)).toEqual([olga.id]);
  });

  it('cannot be withdrawn once the transaction advanced on it; the attempt is recorded', async () => {
    const change = await world.begin('privileged_admin');
    const given = await world.approve(olga, change);
    await world.approve(oscar, change);
    await world.step(change.id, 'apply', actor(trader));
    await expect(world.registry.withdrawApproval(change.id, given.id, actor(olga))).rejects.toThrow(
      coded('approval_used'),
    );
    expect(world.refusalsOf(change.id)).toMatchObject([
      { reason: 'approval_used', subject: actor(olga), references: [given.recordId], data: { approval_id: given.id } },
    ]);
  });

  it('is either withdrawn or used when both are tried at once, never both', async () => {
    const change = await world.begin('privileged_admin');
    const given = await world.approve(olga, change);
    await world.approve(oscar, change);
    const [applied, withdrawn] = await Promise.allSettled([
      world.step(change.id, 'apply', actor(trader)),
      world.registry.withdrawApproval(change.id, given.id, actor(olga)),
    ]);
    expect([applied.status, withdrawn.status].toSorted()).toEqual(['fulfilled', 'rejected']);
    expect((await world.registry.facts(change.id))?.state).toBe(
      applied.status === 'fulfilled' ? 'applied' : 'intended',
    );
  });

  it('stays when the log cannot be written', async () => {
    const change = await world.begin('privileged_admin');
    const given = await world.approve(olga, change);
    world.audit.breakDown('writing');
    await expect(world.registry.withdrawApproval(change.id, given.id, actor(olga))).rejects.toThrow(
      coded('log_unavailable'),
    );
    world.audit.repair();
    expect(await standing(change.id)).toEqual([olga.id]);
  });
});

describe('the approvals of a leaver', () => {
  it('are withdrawn, with the reason, once, where nothing depends on them yet', async () => {
    const [open, another, used, old] = [
      await world.begin('privileged_admin'),
      await world.begin('address_book_change'),
      await world.begin('privileged_admin'),
      await world.begin('privileged_admin'),
    ];
    const leaver = { ...oscar, id: 'person:otto' as typeof oscar.id };
    world.directory.principals.set(leaver.id, leaver);
    const key = world.keyOf(leaver);
    const claims = (target: typeof open) => ({
      iss: leaver.id,
      txn: target.id,
      intent_digest: target.intentDigest,
      decision: 'approve',
      iat: world.clock.now() / 1000,
      exp: world.clock.now() / 1000 + 60,
      jti: world.next('leaving'),
    });
    await world.registry.approve(old.id, key.sign(claims(old)));
    world.clock.advance(60_000);
    for (const target of [open, another, used]) await world.registry.approve(target.id, key.sign(claims(target)));
    await world.approve(olga, used);
    await world.step(used.id, 'apply', actor(trader));

    const end = () => world.registry.endAuthorityOf(leaver.id, 'leave', actor(olga), 'left the firm');
    await end();
    for (const { id } of [open, another]) {
      expect(await standing(id)).toEqual([]);
      expect(world.recordsOf(id).filter(({ type }) => type === 'approval.withdrawn')).toMatchObject([
        { subject: actor(olga), data: { approver: leaver.id, reason: 'left the firm' } },
      ]);
    }
    for (const { id } of [used, old])
      expect(world.recordsOf(id).filter(({ type }) => type === 'approval.withdrawn')).toEqual([]);
    const before = world.audit.ofType('approval.withdrawn').length;
    await end();
    expect(world.audit.ofType('approval.withdrawn')).toHaveLength(before);
  });
});
