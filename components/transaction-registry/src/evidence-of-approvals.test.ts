import { type EvidenceBundle, verifyBundle } from '@countersign/evidence';
import { digestOf, type TransactionId } from '@countersign/kernel';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createRig, type Rig } from '../../audit-log/src/testing/rig.ts';
import { actor, broker } from '../../consent-store/src/testing/firms.ts';
import { approvalClaims } from './testing/approver.ts';
import { type ApprovingWorld, createApprovingWorld, olaf, olga, oscar } from './testing/approving-world.ts';
import { createSmallAuthenticators } from './testing/small-authenticators.ts';
import { trader } from './testing/trading-world.ts';

let rig: Rig;
let log: Awaited<ReturnType<Rig['open']>>;
let world: ApprovingWorld;
beforeAll(async () => {
  rig = await createRig();
  // The log's clock is ahead; all of this happens on the date of the test world.
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

it('leaves verifiable evidence of each of a hundred transactions approved by one signature', async () => {
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

it('leaves verifiable evidence of approvals refused, withdrawn and given again, and of envelopes', async () => {
  const change = await world.begin('privileged_admin');
  await expect(world.approve(trader, change)).rejects.toThrow();
  const given = await world.approve(olga, change);
  await world.registry.withdrawApproval(change.id, given.id, actor(olga));
  for (const approver of [oscar, olaf]) await world.approve(approver, change);
  await world.step(change.id, 'apply', actor(trader));
  await world.registry.envelope(change.id, { id: 'service:gateway', institution: broker });
  expect(failedSteps(await exported(change.id))).toEqual([]);
});

it('leaves verifiable evidence of approvals by security keys, one by one and under one signature', async () => {
  const authenticators = createSmallAuthenticators(world);
  const registry = world.registryWith({ authenticators: authenticators.register });
  const [change, other] = [await world.begin('privileged_admin'), await world.begin('privileged_admin')];
  const typ = 'countersign-approval+webauthn';
  const key = await authenticators.enrol(olga);
  const claims = { ...approvalClaims(olga, change, world.clock.now()), typ, iss: olga.id, iat: 0, exp: 0, jti: '' };
  const now = Math.floor(world.clock.now() / 1000);
  const times = { iat: now, exp: now + 600 };
  const one = await authenticators.sign(key, { ...claims, ...times, jti: 'one-signature' }, olga.id);
  await registry.approve(change.id, one, { lang: 'en', title: 'A change', lines: [], warnings: [] });
  const items = [change, other].map(({ id, intentDigest }) => ({ txn: id, intent_digest: intentDigest }));
  const second = await authenticators.enrol(oscar);
  const batch = {
    typ,
    iss: oscar.id,
    decision: 'approve',
    ...times,
    jti: 'all-signature',
    items,
    root: digestOf(items),
  };
  await registry.approveBatch(await authenticators.sign(second, batch, oscar.id));
  await registry.transition({
    transaction: change.id,
    event: 'apply',
    idempotencyKey: world.next('apply'),
    body: {},
    by: { ...actor(trader), client: 'broker-desk' },
  });
  const bundle = await exported(change.id);
  expect(failedSteps(bundle)).toEqual([]);
  const { steps } = verifyBundle(bundle, { trust: { logVerifierKey: log.verifierKey() } });
  expect(JSON.stringify(steps)).toContain('2 of them by an authenticator, at https://countersign.example');
});

it('refuses a statement of another kind, of another person, too weak, or changed after signing', async () => {
  const authenticators = createSmallAuthenticators(world);
  const registry = world.registryWith({ authenticators: authenticators.register });
  const change = await world.begin('privileged_admin');
  const now = Math.floor(world.clock.now() / 1000);
  const claims = {
    ...approvalClaims(olga, change, world.clock.now()),
    typ: 'countersign-approval+webauthn',
    iss: olga.id,
    iat: now,
    exp: now + 600,
    jti: 'one-signature',
  };
  const key = await authenticators.enrol(olga);
  const weak = await authenticators.enrol(olaf, { acr: 'phr' });
  const signed = await authenticators.sign(key, claims, olga.id);
  const refused = async (statement: typeof signed) =>
    registry.approve(change.id, statement).then(
      () => 'taken',
      (error: { code?: string }) => error.code,
    );
  const consent = { ...claims, typ: 'countersign-consent+webauthn' };
  expect(await refused(await authenticators.sign(key, consent, olga.id))).toBe('approval_malformed');
  expect(await refused(await authenticators.sign(key, { ...claims, extra: 1 }, olga.id))).toBe('approval_malformed');
  expect(await refused(await authenticators.sign(key, { ...claims, iss: oscar.id }, olga.id))).toBe(
    'approval_key_unknown',
  );
  const ofOlaf = { ...claims, iss: olaf.id };
  expect(await refused(await authenticators.sign(weak, ofOlaf, olaf.id))).toBe('approval_authenticator');
  expect(await refused(await authenticators.sign(key, { ...claims, exp: now }, olga.id))).toBe('approval_malformed');
  expect(await refused({ ...signed, claims: { ...claims, intent_digest: digestOf('another') } })).toBe(
    'approval_terms_changed',
  );
  expect(world.refusalsOf(change.id)).toHaveLength(6);
  expect(await refused(signed)).toBe('taken');
  expect(await refused(signed)).toBe('approval_repeated');
});
