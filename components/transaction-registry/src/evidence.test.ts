import { verifyBundle } from '@countersign/evidence';
import { newId, type TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRig, type Rig } from '../../audit-log/src/testing/rig.ts';
import { actor, fundSignatory } from '../../consent-store/src/testing/firms.ts';
import { approvalClaims } from './testing/approver.ts';
import { createTradingWorld, secondSupervisor, supervisor, type TradingWorld } from './testing/trading-world.ts';

let rig: Rig;
let log: Awaited<ReturnType<Rig['open']>>;
let world: TradingWorld;
beforeAll(async () => {
  rig = await createRig();
  // The log's clock is ahead; all of this happens on the date of the test world.
  rig.clock.advance(Date.parse('2026-06-15T10:00:00Z') - rig.clock.now());
  log = await rig.open();
  world = await createTradingWorld(log);
});
afterAll(async () => {
  await world.close();
  await rig.close();
});

/** Takes an order through its approval and its submission. */
async function approvedOrder() {
  const { root, clearing } = await world.mandates();
  const order = await world.open(root, { max_notional: { amount: '1500000', ccy: 'EUR' } });
  await expect(world.report(order.id, 'submit')).rejects.toThrow();
  const key = world.keyOf(supervisor);
  const applied = newId('record', world);
  const credentials = [{ kid: key.credential.kid, principal: supervisor.id }];
  await world.audit.append({
    id: applied,
    type: 'directory.applied',
    source: 'directory',
    outcome: 'done',
    subject: { id: 'service:operator' },
    data: { credentials },
  });
  world.directory.records.set(supervisor.id, applied);
  await world.registry.approve(order.id, key.sign(approvalClaims(supervisor, order, world.clock.now())));
  await world.report(order.id, 'submit');
  return { order, root, clearing };
}

async function failedSteps(transaction: TransactionId) {
  const bundle = await log.exportBundle({ transaction, requester: { id: 'service:auditor' } });
  const verification = verifyBundle(bundle, { trust: { logVerifierKey: log.verifierKey() } });
  expect(verification.anchored).toBe(true);
  return verification.steps.filter(({ ok }) => !ok);
}

it('leaves evidence of a settled trade that anyone can verify offline, from the mandates to the settlement', async () => {
  const { order } = await approvedOrder();
  for (const event of ['execute', 'clear', 'settle'] as const) await world.report(order.id, event);
  expect(await failedSteps(order.id)).toEqual([]);
});

it('leaves verifiable evidence of a trade that was stopped because its mandate had ended', async () => {
  const { order, root } = await approvedOrder();
  await world.report(order.id, 'execute');
  await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
  await expect(world.report(order.id, 'clear')).rejects.toThrow();
  await expect(world.report(order.id, 'clear')).rejects.toThrow();
  expect(await failedSteps(order.id)).toEqual([]);
});

it('leaves verifiable evidence of an order cancelled after its mandate was suspended and resumed', async () => {
  const { order, root } = await approvedOrder();
  await world.consentStore.suspend(root.id, actor(fundSignatory), 'Review');
  await expect(world.report(order.id, 'execute')).rejects.toThrow();
  await world.consentStore.resume(root.id, actor(fundSignatory), 'Done');
  await world.report(order.id, 'cancel');
  expect(await failedSteps(order.id)).toEqual([]);
});

it('leaves verifiable evidence of a trade continued to settlement under a fresh mandate', async () => {
  const { order, root } = await approvedOrder();
  await world.report(order.id, 'execute');
  await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
  await expect(world.report(order.id, 'clear')).rejects.toThrow();
  const [exception] = await world.registry.exceptions({ transaction: order.id });
  const fresh = await world.mandates();
  if (exception === undefined) throw new Error('no exception was raised');
  await world.registry.resolveException(
    exception.id,
    { kind: 'fresh-mandate', reason: 'Renewed', mandate: fresh.root.id },
    actor(secondSupervisor),
  );
  for (const event of ['clear', 'settle'] as const) await world.report(order.id, event);
  expect(await failedSteps(order.id)).toEqual([]);
});
