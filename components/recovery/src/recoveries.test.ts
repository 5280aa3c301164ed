import { recoveryStatementTypes, type SignedStatement } from '@countersign/contracts';
import type { RecoveryId } from '@countersign/kernel';
import { verifyStatement } from '@countersign/webauthn';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningRecovery } from './index.ts';
import {
  anna,
  bea,
  ben,
  cora,
  createRecoveryWorld,
  dual,
  eve,
  foreignDesk,
  helpDesk,
  installation,
  issuer,
  lost,
  otto,
  type RecoveryWorld,
} from './testing/recovery-world.ts';

const hour = 3_600_000;
let world: RecoveryWorld;
let recovery: RunningRecovery;

beforeEach(async () => {
  world = await createRecoveryWorld();
  recovery = world.node();
  for (const each of [anna, ben, bea, cora, dual, otto, eve]) world.keys.enrol(each.id);
});
afterEach(() => world.close());

const refusals = () => world.audit.ofType('recovery.refused').map(({ reason }) => reason);
const withCode = (code: string) => expect.objectContaining({ code });

async function opened(): Promise<RecoveryId> {
  return (await recovery.open(lost, helpDesk)).id;
}
async function approvedByBoth(): Promise<RecoveryId> {
  const id = await opened();
  await world.approve(recovery, id, ben);
  await world.approve(recovery, id, cora);
  return id;
}

describe('a lost authenticator', () => {
  it('is replaced: evidence checked again, approved by two functions, authenticators ended, person invited, and no assets move for a day', async () => {
    const id = await opened();
    expect(world.told).toMatchObject([{ to: anna.id, kind: 'recovery-opened' }]);
    expect((await recovery.find(id))?.missing).toEqual(['line', 'control']);
    await expect(recovery.invite(id, helpDesk)).rejects.toEqual(withCode('recovery_not_ready'));

    const first = await world.approve(recovery, id, ben);
    expect(first).toMatchObject({ status: 'waiting', missing: ['control'] });
    expect(await world.keys.register.of(anna.id)).toHaveLength(1);
    expect(world.ended).toEqual([]);

    const second = await world.approve(recovery, id, cora);
    expect(second).toMatchObject({ status: 'ended', missing: [] });
    // The old authenticators have ended before the invitation, and the risk signal is active before that too.
    expect(world.ended).toEqual([
      'authenticators 1',
      'sessions',
      `tokens of ${anna.id}`,
      'signal recovery-cooling-off',
    ]);
    expect(world.audit.ofType('recovery.credentials-ended')[0]?.data).toMatchObject({
      recovery: id,
      authenticators: 1,
      sessions: 2,
    });

    const invitation = await recovery.invite(id, helpDesk);
    expect(world.keys.invitationOf(anna.id)?.path).toBe(invitation.path);
    expect(world.keys.invitationOf(anna.id)?.recovery).toBe(world.audit.ofType('recovery.credentials-ended')[0]?.id);
    expect(world.audit.ofType('recovery.invited')).toMatchObject([
      {
        actors: [helpDesk],
        references: [world.keys.invitationOf(anna.id)?.recovery, invitation.recordId],
        data: { recovery: id, after: { status: 'invited', invitations: 1 } },
      },
    ]);

    world.clock.advance(hour);
    const enrolled = world.keys.enrol(anna.id);
    await recovery.carryOn();
    const until = new Date(world.clock.now() + 24 * hour).toISOString();
    expect(await recovery.find(id)).toMatchObject({ status: 'completed', coolingOffUntil: until });
    expect(world.signals.get(anna.id)?.get('recovery-cooling-off')).toBe(until);
    expect(world.audit.ofType('recovery.completed')[0]).toMatchObject({
      references: [world.audit.ofType('recovery.credentials-ended')[0]?.id, enrolled.recordId],
      data: { authenticator: enrolled.id, cooling_off_until: until },
    });
    expect(world.told.map(({ kind }) => kind)).toEqual(['recovery-opened', 'recovery-decided', 'recovery-completed']);
  });

  it('leaves approvals that anybody can verify from the record alone, and nothing personal in the open', async () => {
    const id = await approvedByBoth();
    const approvals = world.audit.ofType('recovery.approved');
    expect(approvals).toHaveLength(2);
    for (const record of approvals) {
      const { statement, key } = record.data as unknown as Pick<SignedStatement, 'claims'> & {
        readonly statement: Pick<SignedStatement, 'claims' | 'signature'>;
        readonly key: unknown;
      };
      verifyStatement({ ...statement, jwk: key, expected: { rpId: 'localhost', origins: [issuer] } });
      expect(statement.claims).toMatchObject({
        typ: recoveryStatementTypes.approve,
        recovery: id,
        person: anna.id,
        digest: (await recovery.find(id))?.digest,
      });
    }
    const open = world.audit.drafts.map(({ protectedValues: _protected, ...rest }) => rest);
    expect(JSON.stringify(open)).not.toContain('HR file 4711');
    expect(JSON.stringify(open)).not.toContain('train');
  });

  it('always needs a recovery: nobody who ever had a key can be invited without one', async () => {
    await approvedByBoth();
    await expect(world.keys.register.invite({ person: anna.id, evidence: ['I know her'] }, helpDesk)).rejects.toEqual(
      withCode('recovery_needed'),
    );
  });
});

describe('opening a recovery', () => {
  it('is refused for people of other firms, for oneself, twice, and without evidence', async () => {
    await expect(recovery.open(lost, foreignDesk)).rejects.toEqual(withCode('recovery_person_unknown'));
    await expect(recovery.open(lost, { id: anna.id, institution: anna.institution })).rejects.toEqual(
      withCode('recovery_self'),
    );
    await recovery.open(lost, installation);
    await expect(recovery.open(lost, helpDesk)).rejects.toEqual(withCode('recovery_standing'));
    expect(refusals()).toEqual(['recovery_person_unknown', 'recovery_self', 'recovery_standing']);
    for (const wrong of [
      { ...lost, evidence: [] },
      { ...lost, evidence: Array.from({ length: 11 }, () => 'x') },
      { ...lost, evidence: ['x'.repeat(201)] },
      { ...lost, reason: ' ' },
      { ...lost, reason: 'two\nlines' },
    ])
      await expect(recovery.open(wrong, helpDesk)).rejects.toEqual(withCode('recovery_malformed'));
  });

  it('happens once although two ask at the same time', async () => {
    const other = world.node();
    const outcomes = await Promise.allSettled([recovery.open(lost, helpDesk), other.open(lost, installation)]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(world.audit.ofType('recovery.opened')).toHaveLength(1);
  });

  it('happens once although the second asks while the first is about to be recorded', async () => {
    let second: Promise<unknown> = Promise.resolve();
    world.beforeNext('recovery.opened', async () => {
      second = world.node().open(lost, installation);
      // It waits for the first, or has failed by then.
      await Promise.race([second.catch(() => undefined), new Promise((resolve) => setTimeout(resolve, 300))]);
    });
    const { id } = await recovery.open(lost, helpDesk);
    await expect(second).rejects.toEqual(withCode('recovery_standing'));
    expect(world.audit.ofType('recovery.opened')).toHaveLength(1);
    expect(await recovery.list({})).toMatchObject([{ id, status: 'waiting' }]);
  });

  it('notifies nobody and stores nothing when it cannot be recorded', async () => {
    world.audit.breakDown('writing');
    await expect(recovery.open(lost, helpDesk)).rejects.toEqual(withCode('log_unavailable'));
    world.audit.repair();
    expect(await recovery.list({})).toEqual([]);
    expect(world.told).toEqual([]);
  });
});

describe('approving a recovery', () => {
  it('needs two people of different functions, of the same firm, and not the person', async () => {
    const id = await opened();
    await expect(recovery.askToApprove(id, anna.id)).rejects.toEqual(withCode('recovery_self'));
    await expect(recovery.askToApprove(id, eve.id)).rejects.toEqual(withCode('recovery_unknown'));
    await world.approve(recovery, id, ben);
    await expect(recovery.askToApprove(id, ben.id)).rejects.toEqual(withCode('recovery_same_person'));
    await expect(recovery.askToApprove(id, bea.id)).rejects.toEqual(withCode('recovery_function'));
  });

  it('counts somebody with the roles of both functions once', async () => {
    const id = await opened();
    await world.approve(recovery, id, dual);
    await expect(recovery.askToApprove(id, dual.id)).rejects.toEqual(withCode('recovery_same_person'));
    expect((await recovery.find(id))?.status).toBe('waiting');
  });

  it('is refused to its opener, and to anybody whom the person or the opener invited', async () => {
    const id = (await recovery.open(lost, { id: otto.id, institution: otto.institution })).id;
    await expect(recovery.askToApprove(id, otto.id)).rejects.toEqual(withCode('recovery_same_person'));
    world.keys.invitedBy(cora.id, anna.id);
    await expect(recovery.askToApprove(id, cora.id)).rejects.toEqual(withCode('recovery_not_independent'));
    world.keys.invitedBy(ben.id, otto.id);
    await expect(recovery.askToApprove(id, ben.id)).rejects.toEqual(withCode('recovery_not_independent'));
  });

  it('is refused to anybody whom the first approver invited, and to whoever invited the first approver', async () => {
    const id = await opened();
    await world.approve(recovery, id, ben);
    // An inviter may have enrolled their own key in that name, and so be both approvers.
    world.keys.invitedBy(cora.id, ben.id);
    await expect(recovery.askToApprove(id, cora.id)).rejects.toEqual(withCode('recovery_not_independent'));
    world.keys.invitedBy(cora.id, 'person:joiner.desk');
    world.keys.invitedBy(ben.id, cora.id);
    await expect(recovery.askToApprove(id, cora.id)).rejects.toEqual(withCode('recovery_not_independent'));
    expect(await recovery.waitingFor(cora.id)).toEqual([]);
    world.keys.invitedBy(ben.id, 'person:joiner.desk');
    expect(await world.approve(recovery, id, cora)).toMatchObject({ status: 'ended' });
  });

  it.each([
    ['left', () => world.people.delete(ben.id)],
    ['lost the role', () => world.people.set(ben.id, { ...ben, roles: ['trader'] })],
    ['gone to another firm', () => world.people.set(ben.id, { ...ben, institution: eve.institution })],
    ['been locked out', () => world.keys.register.lock(ben.id, helpDesk, 'Not his own word')],
    ['lost a key that may be copied', () => world.signals.set(ben.id, new Map([['credential-compromised', 'later']]))],
    ['had a recovery opened', () => recovery.open({ ...lost, person: ben.id }, helpDesk)],
  ])('by a second person ends nothing once the first has %s', async (_what, change) => {
    const id = await opened();
    await world.approve(recovery, id, ben);
    const { handle, options } = await recovery.askToApprove(id, cora.id);
    const statement = await world.keys.statements.consume({
      ...{ handle, person: cora.id },
      credential: world.keys.keyOf(cora.id).get(options),
    });
    await change();
    await expect(recovery.approve(id, statement)).rejects.toEqual(withCode('recovery_approver_unsettled'));
    expect(refusals()).toEqual(['recovery_approver_unsettled']);
    expect(world.ended).toEqual([]);
    expect((await recovery.find(id))?.status).toBe('waiting');
    await recovery.cancel(id, helpDesk, 'It is opened again');
  });

  it('is refused to somebody whose own account is under recovery or suspicion', async () => {
    const id = await opened();
    world.signals.set(ben.id, new Map([['recovery-cooling-off', '2026-11-22T00:00:00.000Z']]));
    await expect(recovery.askToApprove(id, ben.id)).rejects.toEqual(withCode('recovery_approver_unsettled'));
    await recovery.open({ ...lost, person: cora.id }, helpDesk);
    await expect(recovery.askToApprove(id, cora.id)).rejects.toEqual(withCode('recovery_approver_unsettled'));
  });

  it('accepts a statement about exactly this recovery, once and in time', async () => {
    const id = await opened();
    const other = (await recovery.open({ ...lost, person: bea.id }, helpDesk)).id;
    const { handle, options } = await recovery.askToApprove(id, ben.id);
    const credential = world.keys.keyOf(ben.id).get(options);
    const statement = await world.keys.statements.consume({ handle, person: ben.id, credential });
    await expect(recovery.approve(other, statement)).rejects.toEqual(withCode('recovery_statement'));
    const wider = { ...statement, claims: { ...statement.claims, function: 'control' } };
    await expect(recovery.approve(id, wider)).rejects.toEqual(withCode('recovery_statement'));
    const borrowed = { ...statement, claims: { ...statement.claims, iss: cora.id } };
    await expect(recovery.approve(id, borrowed)).rejects.toEqual(withCode('recovery_statement'));
    world.clock.advance(121_000);
    await expect(recovery.approve(id, statement)).rejects.toEqual(withCode('recovery_statement'));
    expect(new Set(refusals())).toEqual(new Set(['recovery_statement']));
    expect(world.audit.ofType('recovery.approved')).toEqual([]);
  });

  it('needs a key of the configured class', async () => {
    const id = await opened();
    await world.keys.register.revokeAllOf(ben.id, helpDesk, 'test');
    world.keys.enrol(ben.id, 'phr');
    await expect(recovery.askToApprove(id, ben.id)).rejects.toEqual(withCode('authenticator_none'));
  });

  it('stops with one rejection, and nothing of the person ends', async () => {
    const id = await opened();
    await world.approve(recovery, id, ben);
    expect(await recovery.refuse(id, cora.id, 'She is sitting next to me')).toMatchObject({ status: 'refused' });
    await expect(recovery.askToApprove(id, dual.id)).rejects.toEqual(withCode('recovery_decided'));
    expect(world.ended).toEqual([]);
    expect(world.audit.ofType('recovery.refused')[0]).toMatchObject({
      reason: 'recovery_declined',
      data: { function: 'control' },
    });
  });

  it('is decided once although both approvals arrive at the same time as a rejection', async () => {
    const id = await opened();
    await world.approve(recovery, id, ben);
    const outcomes = await Promise.allSettled([
      world.approve(recovery, id, cora),
      recovery.refuse(id, dual.id, 'Not so'),
    ]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });

  it('ends after seventy-two hours', async () => {
    const id = await opened();
    await world.approve(recovery, id, ben);
    world.clock.advance(72 * hour);
    await expect(recovery.askToApprove(id, cora.id)).rejects.toEqual(withCode('recovery_expired'));
    await recovery.carryOn();
    expect((await recovery.find(id))?.status).toBe('expired');
    expect(await world.keys.register.of(anna.id)).toHaveLength(1);
  });

  it('lists for an approver only what they may approve', async () => {
    const id = await opened();
    expect((await recovery.waitingFor(ben.id)).map((each) => each.id)).toEqual([id]);
    expect(await recovery.waitingFor(anna.id)).toEqual([]);
    expect(await recovery.waitingFor(eve.id)).toEqual([]);
    await world.approve(recovery, id, ben);
    expect(await recovery.waitingFor(bea.id)).toEqual([]);
    expect(await recovery.waitingFor(cora.id)).toHaveLength(1);
  });
});

describe('after two approvals', () => {
  it('continues by itself after a failure, and invites nobody before everything has ended', async () => {
    world.failTokens(true);
    const id = await approvedByBoth();
    expect((await recovery.find(id))?.status).toBe('approved');
    await expect(recovery.invite(id, helpDesk)).rejects.toEqual(withCode('recovery_not_ready'));
    world.failTokens(false);
    world.clock.advance(61_000);
    // Another node continues.
    await world.node().carryOn();
    expect((await recovery.find(id))?.status).toBe('ended');
    expect(world.audit.ofType('recovery.credentials-ended')[0]?.data).toMatchObject({ authenticators: 1 });
  });

  it('gives the link neither to the person nor to an approver nor to another firm, and three times at most', async () => {
    const id = await approvedByBoth();
    const as = ({ id: who, institution }: { id: string; institution: string }) => ({ id: who, institution });
    await expect(recovery.invite(id, as(anna))).rejects.toEqual(withCode('recovery_self'));
    await expect(recovery.invite(id, as(cora))).rejects.toEqual(withCode('recovery_same_person'));
    await expect(recovery.invite(id, foreignDesk)).rejects.toEqual(withCode('recovery_unknown'));
    const paths = [];
    for (let count = 0; count < 3; count += 1) paths.push((await recovery.invite(id, helpDesk)).path);
    expect(new Set(paths).size).toBe(3);
    await expect(recovery.invite(id, helpDesk)).rejects.toEqual(withCode('recovery_invitations_spent'));
    expect(world.keys.invitationOf(anna.id)?.path).toBe(paths[2]);
  });

  it('ends links in time, and the person stays without a key', async () => {
    const id = await approvedByBoth();
    await recovery.invite(id, helpDesk);
    world.clock.advance(72 * hour);
    await recovery.carryOn();
    expect((await recovery.find(id))?.status).toBe('expired');
    expect(world.keys.invitationOf(anna.id)).toBeUndefined();
    // A new one can be opened.
    await expect(recovery.open(lost, helpDesk)).resolves.toMatchObject({ status: 'waiting' });
  });

  it('is completed once, for an enrolment at the last moment', async () => {
    const id = await approvedByBoth();
    await recovery.invite(id, helpDesk);
    world.clock.advance(72 * hour);
    world.keys.enrol(anna.id);
    await Promise.all([recovery.carryOn(), world.node().carryOn()]);
    expect((await recovery.find(id))?.status).toBe('completed');
    expect(world.audit.ofType('recovery.completed')).toHaveLength(1);
    expect(world.audit.ofType('recovery.expired')).toHaveLength(0);
  });
});

describe('cancelling a recovery', () => {
  it('is possible for the person with a working key', async () => {
    const id = await opened();
    await world.approve(recovery, id, ben);
    const { handle, options } = await recovery.askToCancel(id, anna.id);
    const credential = world.keys.keyOf(anna.id).get(options);
    const statement = await world.keys.statements.consume({ handle, person: anna.id, credential });
    expect(await recovery.cancelOwn(id, statement)).toMatchObject({ status: 'cancelled' });
    expect(world.audit.ofType('recovery.cancelled')[0]).toMatchObject({ data: { how: 'person' } });
    await expect(recovery.askToApprove(id, cora.id)).rejects.toEqual(withCode('recovery_decided'));
    expect(await world.keys.register.of(anna.id)).toHaveLength(1);
  });

  it('is refused to anybody else, and with a statement that was signed to approve', async () => {
    const id = await opened();
    await expect(recovery.askToCancel(id, ben.id)).rejects.toEqual(withCode('recovery_unknown'));
    const { handle, options } = await recovery.askToApprove(id, ben.id);
    const credential = world.keys.keyOf(ben.id).get(options);
    const statement = await world.keys.statements.consume({ handle, person: ben.id, credential });
    await expect(recovery.cancelOwn(id, statement)).rejects.toEqual(withCode('recovery_unknown'));
  });

  it('by an operator ends links that were handed out', async () => {
    const id = await approvedByBoth();
    await recovery.invite(id, helpDesk);
    await expect(recovery.cancel(id, foreignDesk, 'No')).rejects.toEqual(withCode('recovery_unknown'));
    expect(await recovery.cancel(id, helpDesk, 'She has found it')).toMatchObject({ status: 'cancelled' });
    expect(world.keys.invitationOf(anna.id)).toBeUndefined();
    await expect(recovery.cancel(id, helpDesk, 'Again')).rejects.toEqual(withCode('recovery_decided'));
  });

  it('happens when the person leaves', async () => {
    const id = await opened();
    const departure = { principal: anna.id, at: '2026-11-21T09:00:00.000Z', by: installation, reason: 'has left' };
    expect(await recovery.departureEffect.end({ ...departure, kind: 'move' })).toEqual({ ended: 0 });
    expect(await recovery.departureEffect.end({ ...departure, kind: 'leave' })).toEqual({ ended: 1 });
    expect(await recovery.departureEffect.end({ ...departure, kind: 'leave' })).toEqual({ ended: 0 });
    expect((await recovery.find(id))?.status).toBe('cancelled');
  });
});

describe('the configuration', () => {
  it('has functions with their own names and roles, and a cooling-off of at least an hour', () => {
    expect(() => world.node({ coolingOffHours: 0 })).toThrowError(withCode('configuration_invalid'));
    const one = { name: 'line', roles: ['supervisor'] };
    expect(() => world.node({ functions: [one] })).toThrowError(withCode('configuration_invalid'));
    expect(() => world.node({ functions: [one, { ...one, name: 'control' }] })).toThrowError(
      withCode('configuration_invalid'),
    );
    expect(() => world.node({ functions: [one, { name: 'line', roles: ['risk'] }] })).toThrowError(
      withCode('configuration_invalid'),
    );
  });
});
