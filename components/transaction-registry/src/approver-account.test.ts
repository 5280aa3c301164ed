import type { OpenedTransaction, Person } from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { approvalClaims } from './testing/approver.ts';
import { type ApprovingWorld, createApprovingWorld, olga, oscar } from './testing/approving-world.ts';
import { createSmallAuthenticators, type Enrolled, type SmallAuthenticators } from './testing/small-authenticators.ts';
import type { TransactionRegistryComponent } from './transaction-registry.ts';

describe('the approver’s account', () => {
  let world: ApprovingWorld;
  let authenticators: SmallAuthenticators;
  let registry: TransactionRegistryComponent;
  let key: Enrolled;
  const signals = new Map<string, readonly string[]>();

  beforeAll(async () => {
    world = await createApprovingWorld();
    authenticators = createSmallAuthenticators(world);
    registry = world.registryWith({
      authenticators: authenticators.register,
      signalsOf: (person) => signals.get(person) ?? [],
    });
    key = await authenticators.enrol(olga);
  });
  afterAll(() => world.close());
  beforeEach(() => {
    signals.clear();
    authenticators.lock(olga, false);
  });

  const refused = (work: Promise<unknown>) =>
    work.then(
      () => 'taken',
      (error: unknown) => (error instanceof Error && 'code' in error ? error.code : error),
    );
  const standing = async ({ id }: OpenedTransaction) =>
    (await registry.facts(id))?.approvals.map(({ approver }) => approver);
  let number = 0;
  const signed = (person: Person, target: OpenedTransaction) => {
    const claims = approvalClaims(person, target, world.clock.now());
    const iat = Number(claims['iat']);
    number += 1;
    return authenticators.sign(
      key,
      {
        ...claims,
        typ: 'countersign-approval+webauthn',
        iss: person.id,
        iat,
        exp: iat + 600,
        jti: `account-${number}`,
      },
      person.id,
    );
  };

  it('must not be locked: approvals are refused, by a directory key as well, and none comes to count later', async () => {
    const change = await world.begin('privileged_admin');
    // A locked account cannot sign, so this was signed before.
    const before = await signed(olga, change);
    authenticators.lock(olga);
    expect(await refused(registry.approve(change.id, world.signed(olga, change)))).toBe('approval_unsettled');
    expect(await refused(registry.approve(change.id, before))).toBe('approval_unsettled');
    const items = [{ txn: change.id, intent_digest: change.intentDigest }];
    const batch = world.signedBatch(olga, [change], { items, root: digestOf(items) });
    expect(await refused(registry.approveBatch(batch))).toBe('approval_unsettled');
    expect(world.refusalsOf(change.id).map(({ reason }) => reason)).toEqual(Array(3).fill('approval_unsettled'));
    authenticators.lock(olga, false);
    expect(await standing(change)).toEqual([]);
  });

  it.each(['recovery-cooling-off', 'credential-compromised', 'impossible-travel', 'account-disabled'])(
    'cannot approve while the signal %s is active, in either form',
    async (signal) => {
      const change = await world.begin('privileged_admin');
      signals.set(olga.id, [signal]);
      expect(await refused(registry.approve(change.id, world.signed(olga, change)))).toBe('approval_unsettled');
      expect(await refused(registry.approve(change.id, await signed(olga, change)))).toBe('approval_unsettled');
      expect(await refused(registry.decline(change.id, olga.id, 'no'))).toBe('approval_unsettled');
      expect((await registry.waitingFor(olga.id)).waiting).toEqual([]);
      // Nobody else is blocked, and signals for merely new or unusual circumstances block nobody.
      await registry.approve(change.id, world.signed(oscar, change));
      signals.set(olga.id, ['device-new', 'failed-attempts']);
      await registry.approve(change.id, world.signed(olga, change));
      expect(await standing(change)).toEqual([oscar.id, olga.id]);
    },
  );

  it('approves by an authenticator only, if directory keys do not count', async () => {
    const strict = world.registryWith({ authenticators: authenticators.register, directoryKeys: false });
    const change = await world.begin('privileged_admin');
    expect(await refused(strict.approve(change.id, world.signed(olga, change)))).toBe('approval_authenticator');
    expect(await refused(strict.approveBatch(world.signedBatch(olga, [change])))).toBe('approval_authenticator');
    expect(world.refusalsOf(change.id)).toMatchObject([{ reason: 'approval_authenticator' }]);
    await strict.approve(change.id, await signed(olga, change));
    expect(await standing(change)).toEqual([olga.id]);
  });

  it('with a sign of takeover invalidates its earlier approvals', async () => {
    const change = await world.begin('privileged_admin');
    await registry.approve(change.id, world.signed(oscar, change));
    await registry.approve(change.id, world.signed(olga, change));
    signals.set(olga.id, ['credential-compromised']);
    expect(await standing(change)).toEqual([oscar.id]);
    signals.clear();
    expect(await standing(change)).toEqual([oscar.id, olga.id]);
  });

  it('with a key that may have been copied invalidates its earlier approvals', async () => {
    const change = await world.begin('privileged_admin');
    await registry.approve(change.id, await signed(olga, change));
    expect(await standing(change)).toEqual([olga.id]);
    authenticators.suspend(key.authenticator);
    expect(await standing(change)).toEqual([]);
  });
});
