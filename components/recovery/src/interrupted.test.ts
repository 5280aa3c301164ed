import type { RecordDraft, Recovery, RecoveryStatus } from '@countersign/contracts';
import type { RecoveryId } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningRecovery } from './index.ts';
import {
  anna,
  bea,
  ben,
  cora,
  createRecoveryWorld,
  dual,
  helpDesk,
  installation,
  lost,
  type RecoveryWorld,
} from './testing/recovery-world.ts';

const hour = 3_600_000;
let world: RecoveryWorld;
let recovery: RunningRecovery;
/** The node that continues after the other has died. */
let other: RunningRecovery;

beforeEach(async () => {
  world = await createRecoveryWorld();
  recovery = world.node();
  other = world.node();
  for (const each of [anna, ben, bea, cora, dual]) world.keys.enrol(each.id);
});
afterEach(() => world.close());

const withCode = (code: string) => expect.objectContaining({ code });
const open = async (): Promise<RecoveryId> => (await recovery.open(lost, helpDesk)).id;
const recordsOf = (type: RecordDraft['type']) => world.audit.ofType(type);
const declined = () => recordsOf('recovery.refused').filter(({ reason }) => reason === 'recovery_declined');
const noticeKinds = () => world.told.map(({ kind }) => kind);

/** Every way to look one up. */
const readers: readonly (readonly [string, (id: RecoveryId) => Promise<Recovery | undefined>])[] = [
  ['finding it', (id) => other.find(id)],
  ['listing', async (id) => (await other.list({})).find((each) => each.id === id)],
  ['asking for the one that stands', async (id) => (await other.standingOf(anna.id)) ?? other.find(id)],
  ['listing what waits for others', (id) => other.waitingFor(dual.id).then(() => other.find(id))],
];

async function approvedByBoth(): Promise<RecoveryId> {
  const id = await open();
  await world.approve(recovery, id, ben);
  await world.approve(recovery, id, cora);
  return id;
}

describe('a refusal whose process died after its record', () => {
  const interrupted = async (): Promise<RecoveryId> => {
    const id = await open();
    await world.dyingAfter('recovery.refused', () => recovery.refuse(id, cora.id, 'She is sitting next to me'));
    return id;
  };
  const isOver = async (id: RecoveryId) => {
    expect(await other.find(id)).toMatchObject({ status: 'refused' });
    expect(declined()).toHaveLength(1);
    expect(noticeKinds()).toEqual(['recovery-opened', 'recovery-decided']);
    await expect(other.open(lost, helpDesk)).resolves.toMatchObject({ status: 'waiting' });
  };

  it('is completed when the request is repeated', async () => {
    const id = await interrupted();
    expect(await other.refuse(id, cora.id, 'She is sitting next to me')).toMatchObject({ status: 'refused' });
    await isOver(id);
  });

  it.each(readers)('is completed by %s', async (_how, read) => {
    const id = await interrupted();
    expect(await read(id)).toMatchObject({ status: 'refused' });
    await isOver(id);
  });

  it('is found by an operator who cancels, and by an approver who comes too late', async () => {
    const id = await interrupted();
    await expect(other.cancel(id, helpDesk, 'Found it')).rejects.toEqual(withCode('recovery_decided'));
    await expect(other.askToApprove(id, ben.id)).rejects.toEqual(withCode('recovery_decided'));
    expect(recordsOf('recovery.cancelled')).toEqual([]);
    await isOver(id);
  });

  it('is deleted in time, and not written again by a later request', async () => {
    const id = await interrupted();
    await other.find(id);
    world.clock.advance(91 * 24 * hour);
    await other.carryOn();
    expect(await other.find(id)).toBeUndefined();
    await expect(other.cancel(id, helpDesk, 'Found it')).rejects.toEqual(withCode('recovery_unknown'));
    expect(await other.list({})).toEqual([]);
  });

  it('blocks nobody until it is looked at', async () => {
    const id = await interrupted();
    await expect(other.open(lost, helpDesk)).resolves.toMatchObject({ status: 'waiting' });
    expect(await other.find(id)).toMatchObject({ status: 'refused' });
  });

  it('does not keep the person from approving for others', async () => {
    const id = (await recovery.open({ ...lost, person: ben.id }, helpDesk)).id;
    await world.dyingAfter('recovery.refused', () => recovery.refuse(id, cora.id, 'He is here'));
    const mine = await open();
    await expect(world.approve(other, mine, ben)).resolves.toMatchObject({ missing: ['control'] });
  });
});

describe('a cancellation whose process died after its record', () => {
  it('by the person is completed by the same statement, and by any reader', async () => {
    const id = await open();
    const statement = await world.sign(anna, await recovery.askToCancel(id, anna.id));
    await world.dyingAfter('recovery.cancelled', () => recovery.cancelOwn(id, statement));
    expect(await other.cancelOwn(id, statement)).toMatchObject({ status: 'cancelled' });
    expect(recordsOf('recovery.cancelled')).toHaveLength(1);
    const second = await open();
    const again = await world.sign(anna, await recovery.askToCancel(second, anna.id));
    await world.dyingAfter('recovery.cancelled', () => recovery.cancelOwn(second, again));
    expect(await other.find(second)).toMatchObject({ status: 'cancelled' });
    await expect(other.cancelOwn(second, again)).rejects.toEqual(withCode('recovery_decided'));
  });

  it('by an operator is completed when the request is repeated, and ends the link that was handed out', async () => {
    const id = await approvedByBoth();
    await recovery.invite(id, helpDesk);
    await world.dyingAfter('recovery.cancelled', () => recovery.cancel(id, helpDesk, 'She has found it'));
    expect(world.keys.invitationOf(anna.id)).toBeUndefined();
    await expect(other.invite(id, helpDesk)).rejects.toEqual(withCode('recovery_decided'));
    expect(recordsOf('recovery.cancelled')).toHaveLength(1);
    expect(await other.find(id)).toMatchObject({ status: 'cancelled' });
  });

  it('by an operator is completed when another operator repeats it', async () => {
    const id = await open();
    await world.dyingAfter('recovery.cancelled', () => recovery.cancel(id, helpDesk, 'She has found it'));
    await expect(other.cancel(id, { ...helpDesk, id: anna.id }, 'It is mine')).rejects.toEqual(
      withCode('recovery_self'),
    );
    const second = await open();
    await world.dyingAfter('recovery.cancelled', () => recovery.cancel(second, helpDesk, 'She has found it'));
    expect(await other.cancel(second, installation, 'Said otherwise')).toMatchObject({ status: 'cancelled' });
    expect(recordsOf('recovery.cancelled')).toHaveLength(2);
  });
});

describe('an approval whose process died after its record', () => {
  it('counts for every reader, and is not given twice', async () => {
    const id = await open();
    const statement = await world.sign(ben, await recovery.askToApprove(id, ben.id));
    await world.dyingAfter('recovery.approved', () => recovery.approve(id, statement));
    expect(await other.find(id)).toMatchObject({ status: 'waiting', missing: ['control'] });
    expect(await other.approve(id, statement)).toMatchObject({ status: 'waiting', missing: ['control'] });
    await expect(other.askToApprove(id, ben.id)).rejects.toEqual(withCode('recovery_same_person'));
    expect(await world.approve(other, id, cora)).toMatchObject({ status: 'ended', missing: [] });
    expect(recordsOf('recovery.approved')).toHaveLength(2);
  });

  it('is answered when its statement is sent again, without another record', async () => {
    const id = await open();
    const statement = await world.sign(ben, await recovery.askToApprove(id, ben.id));
    await world.dyingAfter('recovery.approved', () => recovery.approve(id, statement));
    expect(await other.approve(id, statement)).toMatchObject({ missing: ['control'] });
    expect(recordsOf('recovery.approved')).toHaveLength(1);
    expect(recordsOf('recovery.refused')).toEqual([]);
  });

  it('as the second one starts the replacement, and the person is notified', async () => {
    const id = await open();
    await world.approve(recovery, id, ben);
    const statement = await world.sign(cora, await recovery.askToApprove(id, cora.id));
    await world.dyingAfter('recovery.approved', () => recovery.approve(id, statement));
    expect(world.ended).toEqual([]);
    expect(await other.find(id)).toMatchObject({ status: 'approved' });
    expect(noticeKinds()).toEqual(['recovery-opened', 'recovery-decided']);
    await other.carryOn();
    expect(await other.find(id)).toMatchObject({ status: 'ended' });
    expect(await world.keys.register.of(anna.id)).toEqual([]);
  });
});

describe('a recovery whose process died after its opening was recorded', () => {
  it('is in force: no second one can be opened, and a repeated request gets it', async () => {
    await world.dyingAfter('recovery.opened', () => recovery.open(lost, helpDesk));
    await expect(other.open(lost, installation)).rejects.toEqual(withCode('recovery_standing'));
    const [found, ...others] = await other.list({});
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      status: 'waiting',
      reason: lost.reason,
      evidence: lost.evidence,
      recordId: recordsOf('recovery.opened')[0]?.id,
    });
    expect(recordsOf('recovery.opened')).toHaveLength(1);
    expect(noticeKinds()).toEqual(['recovery-opened']);
    if (found === undefined) throw new Error('nothing was opened');
    await world.approve(other, found.id, ben);
    expect(await world.approve(other, found.id, cora)).toMatchObject({ status: 'ended' });
  });

  it('is the person’s open recovery, and keeps them from approving for others', async () => {
    const mine = await open();
    await world.dyingAfter('recovery.opened', () => recovery.open({ ...lost, person: ben.id }, helpDesk));
    await expect(other.askToApprove(mine, ben.id)).rejects.toEqual(withCode('recovery_approver_unsettled'));
    expect(await other.standingOf(ben.id)).toMatchObject({ person: ben.id, status: 'waiting' });
  });

  it('exists once although many repeat the request at once', async () => {
    await world.dyingAfter('recovery.opened', () => recovery.open(lost, helpDesk));
    const nodes = [recovery, other];
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, (_, index) => nodes[index % 2]?.open(lost, helpDesk)),
    );
    for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { code: 'recovery_standing' } });
    expect(await other.list({})).toHaveLength(1);
    expect(recordsOf('recovery.opened')).toHaveLength(1);
  });
});

describe('a notice that cannot be written', () => {
  it('delays the step that it announces, and is sent by the next reader', async () => {
    const id = await open();
    world.failNotices(true);
    await expect(recovery.cancel(id, helpDesk, 'She has found it')).rejects.toThrow('the outbox cannot be written');
    await expect(other.find(id)).rejects.toThrow('the outbox cannot be written');
    world.failNotices(false);
    expect(await other.find(id)).toMatchObject({ status: 'cancelled' });
    expect(noticeKinds()).toEqual(['recovery-opened', 'recovery-decided']);
    expect(recordsOf('recovery.cancelled')).toHaveLength(1);
  });
});

describe('an automatic step whose process died after its record', () => {
  const isNow = async (id: RecoveryId, status: RecoveryStatus) => {
    world.clock.advance(61_000);
    await other.carryOn();
    expect(await other.find(id)).toMatchObject({ status });
  };

  it('ends the person’s authenticators once, and a link is handed out', async () => {
    const id = await open();
    await world.approve(recovery, id, ben);
    await world.dyingAfter('recovery.credentials-ended', () => world.approve(recovery, id, cora));
    await isNow(id, 'ended');
    expect(recordsOf('recovery.credentials-ended')).toHaveLength(1);
    await expect(other.invite(id, helpDesk)).resolves.toMatchObject({ path: expect.any(String) });
  });

  it('counts a link that was recorded as handed out', async () => {
    const id = await approvedByBoth();
    await world.dyingAfter('recovery.invited', () => recovery.invite(id, helpDesk));
    expect(await other.find(id)).toMatchObject({ status: 'invited' });
    for (let count = 0; count < 2; count += 1) await other.invite(id, helpDesk);
    await expect(other.invite(id, helpDesk)).rejects.toEqual(withCode('recovery_invitations_spent'));
  });

  it('is completed once', async () => {
    const id = await approvedByBoth();
    await recovery.invite(id, helpDesk);
    world.keys.enrol(anna.id);
    await world.dyingAfter('recovery.completed', () => recovery.carryOn());
    await isNow(id, 'completed');
    expect(recordsOf('recovery.completed')).toHaveLength(1);
    expect(noticeKinds()).toEqual(['recovery-opened', 'recovery-decided', 'recovery-completed']);
  });

  it('expires once, and its link with it', async () => {
    const id = await approvedByBoth();
    await recovery.invite(id, helpDesk);
    world.clock.advance(72 * hour);
    await world.dyingAfter('recovery.expired', () => recovery.carryOn());
    expect(world.keys.invitationOf(anna.id)).toBeUndefined();
    await isNow(id, 'expired');
    expect(recordsOf('recovery.expired')).toHaveLength(1);
    await expect(other.open(lost, helpDesk)).resolves.toMatchObject({ status: 'waiting' });
  });
});
