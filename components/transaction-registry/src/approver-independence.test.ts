import type { PrincipalId } from '@countersign/contracts';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { actor, personOf } from '../../consent-store/src/testing/firms.ts';
import { type ApprovingWorld, createApprovingWorld, olga, oscar } from './testing/approving-world.ts';
import { trader } from './testing/trading-world.ts';

// Somebody who invites a person to enrol a key may have enrolled their own for them, so both count as one person.

let world: ApprovingWorld;
beforeAll(async () => {
  world = await createApprovingWorld();
});
afterAll(() => world.close());
beforeEach(() => world.inviters.clear());

const coded = (code: string) => expect.objectContaining({ code });
const office = personOf(trader.institution, 'ivo', 'security');
const invited = (person: PrincipalId, by: string) => world.inviters.set(person, [by]);

it.each([
  ['the one who began it was invited by', () => invited(trader.id, olga.id)],
  ['was invited by the one who began it', () => invited(olga.id, trader.id)],
])('nobody approves who %s: the refusal is recorded, and it is not listed as theirs to approve', async (_, invite) => {
  invite();
  const change = await world.begin('privileged_admin');
  await expect(world.approve(olga, change)).rejects.toThrow(coded('approval_not_independent'));
  await expect(world.registry.decline(change.id, olga.id, 'Not mine to say')).rejects.toThrow(
    coded('approval_not_independent'),
  );
  expect(world.refusalsOf(change.id)).toMatchObject([
    { reason: 'approval_not_independent', subject: { id: olga.id } },
    { reason: 'approval_not_independent', subject: { id: olga.id } },
  ]);
  expect(await world.registry.desk.before(change.id, olga)).toMatchObject({
    roles: [],
    fault: { code: 'approval_not_independent' },
  });
  expect((await world.registry.waitingFor(olga.id)).waiting.map(({ view }) => view.transaction)).not.toContain(
    change.id,
  );
  // Refused in a batch as well.
  await expect(world.registry.approveBatch(world.signedBatch(olga, [change]))).rejects.toThrow(
    coded('approval_not_independent'),
  );
  await expect(world.approve(oscar, change)).resolves.toMatchObject({ approver: oscar.id });
});

it('two approvals count as one when one approver invited the other', async () => {
  invited(oscar.id, olga.id);
  const change = await world.begin('privileged_admin');
  await world.approve(olga, change);
  await expect(world.approve(oscar, change)).rejects.toThrow(coded('approval_not_independent'));
  await expect(world.step(change.id, 'apply', actor(trader))).rejects.toThrow(coded('approval_required'));
});

it('somebody invited by an uninvolved person can approve', async () => {
  for (const person of [trader, olga, oscar]) invited(person.id, office.id);
  const change = await world.begin('privileged_admin');
  for (const person of [olga, oscar]) await world.approve(person, change);
  await expect(world.step(change.id, 'apply', actor(trader))).resolves.toMatchObject({ state: 'applied' });
});

it('nothing is approved while the invitations cannot be read', async () => {
  const unknown = world.registryWith({
    independence: async () => {
      throw new Error('the register of authenticators is away');
    },
  });
  const change = await world.begin('privileged_admin');
  await expect(unknown.approve(change.id, world.signed(olga, change))).rejects.toThrow('is away');
  expect((await world.registry.facts(change.id))?.approvals).toEqual([]);
});
