import { type EvidenceBundle, verifyBundle } from '@countersign/evidence';
import type { TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRig, type Rig } from '../../audit-log/src/testing/rig.ts';
import { actor, broker } from '../../consent-store/src/testing/firms.ts';
import { type ApprovingWorld, createApprovingWorld, olaf, olga, oscar } from './testing/approving-world.ts';
import { trader } from './testing/trading-world.ts';

let rig: Rig;
let log: Awaited<ReturnType<Rig['open']>>;
let world: ApprovingWorld;
beforeAll(async () => {
  rig = await createRig();
  // The log's clock is the later one; to it all of this happens on the day the world stands at.
  rig.clock.advance(Date.parse('2026-06-15T10:00:00Z') - rig.clock.now());
  log = await rig.open();
  world = await createApprovingWorld(log);
});
afterAll(async () => {
  await world.close();
  await rig.close();
});

const exported = (transaction: TransactionId): Promise<EvidenceBundle> =>
  log.exportBundle({ transaction, requester: { id: 'service:auditor' } });

function failedSteps(bundle: EvidenceBundle) {
  const verification = verifyBundle(bundle, { trust: { logVerifierKey: log.verifierKey() } });
  expect(verification.anchored).toBe(true);
  return verification.steps.filter(({ ok }) => !ok);
}

it('leaves evidence that verifies of each of a hundred transactions approved by one signature', async () => {
  const targets = await Promise.all(Array.from({ length: 100 }, () => world.begin('privileged_admin')));
  await world.registry.approveBatch(world.signedBatch(olga, targets));
  await world.registry.approveBatch(world.signedBatch(oscar, targets));
  const last = targets.at(-1);
  if (last === undefined) throw new Error('nothing was begun');
  await world.step(last.id, 'apply', actor(trader));
  const bundle = await exported(last.id);
  expect(bundle.records.length).toBeGreaterThan(4);
  expect(failedSteps(bundle)).toEqual([]);
});

it('leaves evidence that verifies of approvals refused, taken back and given again, and of envelopes', async () => {
  const change = await world.begin('privileged_admin');
  await expect(world.approve(trader, change)).rejects.toThrow();
  const given = await world.approve(olga, change);
  await world.registry.withdrawApproval(change.id, given.id, actor(olga));
  for (const approver of [oscar, olaf]) await world.approve(approver, change);
  await world.step(change.id, 'apply', actor(trader));
  await world.registry.envelope(change.id, { id: 'service:gateway', institution: broker });
  expect(failedSteps(await exported(change.id))).toEqual([]);
});
