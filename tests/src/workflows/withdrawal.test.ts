import type { MandateId } from '@countersign/kernel';
import { type AuthorizationDetail, digestOfIntent } from '@countersign/market';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { leis } from '../testing/firms.ts';
import { codeOf, refusalBy } from '../testing/refusal.ts';
import type { Change } from './testing/intents.ts';
import { hours, minutes } from './testing/steered-clock.ts';
import { type Begun, openWorkflowWorld, type WorkflowWorld } from './testing/workflow-world.ts';

// A destination is added to the address book, and a withdrawal to it is requested, approved by two people and released by a
// third. It goes where the approvers saw it go, or nowhere.

const toApproveAddresses = { scope: 'withdrawal-address:approve' };
const toApproveWithdrawals = { scope: 'withdrawal:approve' };
const release = { scope: 'withdrawal:release' };

let world: WorkflowWorld;
let mandate: MandateId;
beforeAll(async () => {
  world = await openWorkflowWorld();
  mandate = await world.mandates.grant({ from: 'assetManager', to: 'arranger' });
});
afterAll(() => world?.stop());

const inSeconds = (seconds: number): string => new Date(world.clock.now() + seconds * 1000).toISOString();

/** An address that the treasurer has proposed. */
async function proposed(change: Change = {}): Promise<Begun> {
  const detail = world.intents.address(mandate, { cooling_off_until: inSeconds(hours(24)), ...change });
  const begun = await world.begin('treasurer', 'withdrawal-address:propose', detail);
  await world.carry(begun, 'propose');
  return begun;
}

/** One that two people have approved in sequence, and a third has added to the book. */
async function approved(change: Change = {}): Promise<Begun> {
  const address = await proposed(change);
  await world.approve('firstOperator', address, toApproveAddresses);
  await world.approve('complianceOfficer', address, toApproveAddresses);
  await world.step('releaser', 'approve', address.transaction, toApproveAddresses);
  return address;
}

/** One past its cooling-off. @returns its name in withdrawals */
async function active(change: Change = {}): Promise<string> {
  const { transaction } = await approved({ cooling_off_until: inSeconds(0), ...change });
  await world.step('releaser', 'activate', transaction, toApproveAddresses);
  return transaction;
}

type Waiting = Pick<Begun, 'transaction' | 'digest' | 'detail'>;

/**
 * A withdrawal for which the treasurer has requested a token. Nothing went there before, so two people must approve first.
 */
async function asked(address: string, change: Change = {}): Promise<Waiting> {
  const detail = world.intents.withdrawal(mandate, { address_id: address, ...change });
  const refusal = await refusalBy(() => world.begin('treasurer', 'withdrawal:request', detail));
  expect(refusal).toMatchObject({ code: 'access_denied', facts: { reason: 'approval_new_destination' } });
  return { detail, transaction: String(refusal.facts?.['txn']), digest: digestOfIntent(detail) };
}

const request = async ({ detail }: { readonly detail: AuthorizationDetail }) =>
  world.carry(await world.begin('treasurer', 'withdrawal:request', detail), 'request');

/** One that two people of operations have approved, and that was then requested. */
async function requested(address: string, change: Change = {}): Promise<Waiting> {
  const withdrawal = await asked(address, change);
  await world.approve('firstOperator', withdrawal, toApproveWithdrawals);
  await world.approve('secondOperator', withdrawal, toApproveWithdrawals);
  await request(withdrawal);
  return withdrawal;
}

const stateOf = async (transaction: string): Promise<unknown> =>
  (
    (await world.call('ha-control', 'order:read', { method: 'GET', path: `/transactions/${transaction}` })) as {
      state: unknown;
    }
  ).state;

describe('an address in the book', () => {
  it('is usable after its cooling-off, and not a moment before', async () => {
    const { transaction } = await approved();
    const activate = () => world.step('releaser', 'activate', transaction, toApproveAddresses);
    expect(await codeOf(activate)).toBe('cooling_off');
    await world.pass(hours(24) - minutes(1));
    expect(await codeOf(activate)).toBe('cooling_off');
    await world.pass(minutes(1));
    expect(await activate()).toMatchObject({ state: 'active' });
  });

  it('is not usable for a withdrawal during cooling-off', async () => {
    const { transaction } = await approved();
    const withdrawal = await asked(transaction);
    await world.approve('firstOperator', withdrawal, toApproveWithdrawals);
    await world.approve('secondOperator', withdrawal, toApproveWithdrawals);
    expect(await codeOf(() => request(withdrawal))).toBe('destination_unknown');
    expect(await stateOf(withdrawal.transaction)).toBe('intended');
  });

  it('is approved by operations and then by compliance, never by its proposer, nor in one step', async () => {
    const address = await proposed();
    const approve = (by: Parameters<WorkflowWorld['approve']>[0]) => () =>
      world.approve(by, address, toApproveAddresses);
    const carryOn = () => world.step('releaser', 'approve', address.transaction, toApproveAddresses);
    expect(await codeOf(approve('treasurer'))).toBe('approval_self');
    expect(await codeOf(approve('complianceOfficer'))).toBe('approval_out_of_turn');
    await approve('firstOperator')();
    expect(await codeOf(approve('firstOperator'))).toBe('approval_repeated');
    expect(await codeOf(carryOn)).toBe('approval_required');
    await approve('complianceOfficer')();
    expect(await codeOf(() => world.step('treasurer', 'approve', address.transaction, toApproveAddresses))).toBe(
      'duties_combined',
    );
    expect(await carryOn()).toMatchObject({ state: 'approved' });
  });

  it('cannot be proposed with a token for something else, or for nothing', async () => {
    const without = () => world.tokenFor('treasurer', { scope: 'withdrawal-address:propose' });
    expect(await codeOf(without)).toBe('invalid_authorization_details details_missing');
    const detail = world.intents.address(mandate, { cooling_off_until: inSeconds(0) });
    expect(await codeOf(() => world.begin('treasurer', 'withdrawal:request', detail))).toBe(
      'access_denied intent_of_another_type',
    );
  });
});

describe('a withdrawal', () => {
  it('is requested, approved by two people, released by a third, and confirmed; all of it is in the log', async () => {
    const withdrawal = await requested(await active());
    const { transaction } = withdrawal;
    expect(await world.step('releaser', 'release', transaction, release)).toMatchObject({ state: 'released' });
    expect(
      await world.step('releaser', 'confirm', transaction, { ...release, body: { amount: '12.5' } }),
    ).toMatchObject({ state: 'confirmed' });
    const records = await world.recordsOf(transaction);
    const told = records.map(({ type, outcome, data }) =>
      [type, outcome, (data as { event?: string } | undefined)?.event].filter(Boolean).join(' '),
    );
    expect(told.filter((line) => !line.startsWith('decision.'))).toEqual([
      'transaction.opened done',
      'token.refused deny',
      'approval.given permit',
      'approval.given permit',
      'token.issued permit',
      'transaction.transitioned done request',
      // Each step needs a token for that step.
      'token.issued permit',
      'transaction.transitioned done release',
      'token.issued permit',
      'transaction.transitioned done confirm',
    ]);
    expect(records.map(({ intent }) => intent)).toEqual(records.map(() => withdrawal.digest));
  });

  it('is shown to its approvers as digested, with points to check', async () => {
    const address = await active();
    const { transaction, digest } = await asked(address);
    const path = `/transactions/${transaction}/approval`;
    const view = await world.call('firstOperator', 'withdrawal:approve', { method: 'GET', path });
    expect(view).toMatchObject({
      intentDigest: digest,
      initiator: world.person('treasurer').id,
      awaited: [{ role: 'operations', count: 2 }],
      approvals: [],
    });
    const { lines, warnings } = view as { lines: { value: string }[]; warnings: { code: string }[] };
    expect(lines.some(({ value }) => value.includes(address))).toBe(true);
    expect(warnings.map(({ code }) => code)).toContain('destination_new');
  });

  it('counts neither its initiator nor anybody twice', async () => {
    const withdrawal = await asked(await active());
    const approve = (by: Parameters<WorkflowWorld['approve']>[0]) => () =>
      world.approve(by, withdrawal, toApproveWithdrawals);
    expect(await codeOf(approve('treasurer'))).toBe('approval_self');
    await approve('firstOperator')();
    expect(await codeOf(approve('firstOperator'))).toBe('approval_repeated');
    expect(await codeOf(() => request(withdrawal))).toBe('access_denied approval_new_destination');
    // By another function, for another requirement.
    await approve('complianceOfficer')();
    expect(await codeOf(() => request(withdrawal))).toBe('access_denied approval_new_destination');
    const refused = await world.recordsOf(withdrawal.transaction, 'approval.refused');
    expect(refused.map(({ reason, subject }) => [reason, subject?.id])).toEqual([
      ['approval_self', world.person('treasurer').id],
      ['approval_repeated', world.person('firstOperator').id],
    ]);
  });

  it('is released by somebody who neither initiated nor approved it', async () => {
    const { transaction } = await requested(await active());
    const releaseBy = (by: 'treasurer' | 'firstOperator' | 'releaser') => () =>
      world.step(by, 'release', transaction, release);
    expect(await codeOf(releaseBy('treasurer'))).toBe('duties_combined');
    expect(await codeOf(releaseBy('firstOperator'))).toBe('duties_combined');
    expect(await stateOf(transaction)).toBe('requested');
    expect(await releaseBy('releaser')()).toMatchObject({ state: 'released' });
    expect(await codeOf(releaseBy('releaser'))).toBe('transition_out_of_order');
  });
});

describe('a withdrawal whose mandate has ended', () => {
  it('cannot be released with any approvals, and can still be rejected', async () => {
    const own = await world.mandates.grant({ from: 'assetManager', to: 'arranger' });
    const address = await active();
    const { transaction } = await requested(address, { mandate_id: own });
    await world.mandates.revoke(own, 'assetManager');
    expect(await codeOf(() => world.step('releaser', 'release', transaction, release))).toBe(
      'mandate_lapsed mandate_revoked',
    );
    // Rejecting needs no mandate, but somebody other than the initiator.
    expect(await codeOf(() => world.step('treasurer', 'reject', transaction, toApproveWithdrawals))).toBe(
      'duties_combined',
    );
    expect(await world.step('complianceOfficer', 'reject', transaction, toApproveWithdrawals)).toMatchObject({
      state: 'rejected',
    });
  });
});

describe('an approval that comes too late', () => {
  it('is refused and recorded when it was signed too long ago', async () => {
    const withdrawal = await asked(await active());
    const late = () => world.approve('firstOperator', withdrawal, { ...toApproveWithdrawals, signedAgoSeconds: 601 });
    expect(await codeOf(late)).toBe('approval_expired');
    const [refused] = await world.recordsOf(withdrawal.transaction, 'approval.refused');
    expect(refused).toMatchObject({ outcome: 'deny', reason: 'approval_expired' });
  });

  it('does not count if it expired before the release; a new one does', async () => {
    const withdrawal = await requested(await active());
    const releaseBy = () => world.step('releaser', 'release', withdrawal.transaction, release);
    await world.pass(minutes(11));
    const refusal = await refusalBy(releaseBy);
    expect(refusal.code).toBe('approval_required');
    expect(await stateOf(withdrawal.transaction)).toBe('requested');
    await world.approve('firstOperator', withdrawal, toApproveWithdrawals);
    expect(await codeOf(releaseBy)).toBe('approval_required');
    await world.approve('thirdOperator', withdrawal, toApproveWithdrawals);
    // An approver cannot release it either, although the approval has expired.
    expect(await codeOf(() => world.step('secondOperator', 'release', withdrawal.transaction, release))).toBe(
      'duties_combined',
    );
    expect(await releaseBy()).toMatchObject({ state: 'released' });
  });

  it('is refused once the withdrawal has been released', async () => {
    const withdrawal = await requested(await active());
    await world.step('releaser', 'release', withdrawal.transaction, release);
    const late = () => world.approve('thirdOperator', withdrawal, toApproveWithdrawals);
    expect(await codeOf(late)).toBe('approval_not_awaited');
  });

  it('is refused once the intent has expired, and earlier approvals release nothing', async () => {
    const withdrawal = await requested(await active(), { not_after: inSeconds(minutes(5)) });
    await world.pass(minutes(5));
    const late = () => world.approve('thirdOperator', withdrawal, toApproveWithdrawals);
    expect(await codeOf(late)).toBe('intent_expired');
    expect(await codeOf(() => world.step('releaser', 'release', withdrawal.transaction, release))).toBe(
      'intent_expired',
    );
  });
});

describe('a substituted address', () => {
  const elsewhere = { address: '0xde0B295669a9FD93d5F28D9Ec85E40f4cb697BAe' };

  it('does not inherit the approvals: they are for another digest', async () => {
    const [good, bad] = [await active(), await active(elsewhere)];
    const withdrawal = await asked(good);
    const swapped = world.intents.withdrawal(mandate, { ...withdrawal.detail, address_id: bad });
    // Under the same key it is not the same intent.
    expect(await codeOf(() => world.begin('treasurer', 'withdrawal:request', swapped))).toBe(
      'invalid_authorization_details idempotency_conflict',
    );
    // A signature for one does not count for the other, in either direction.
    const another = await asked(bad);
    expect(
      await codeOf(() =>
        world.approve('firstOperator', { ...withdrawal, digest: another.digest }, toApproveWithdrawals),
      ),
    ).toBe('approval_terms_changed');
    await world.approve('firstOperator', withdrawal, toApproveWithdrawals);
    await world.approve('secondOperator', withdrawal, toApproveWithdrawals);
    expect(await codeOf(() => request(another))).toBe('access_denied approval_new_destination');
    await request(withdrawal);
  });

  it('gets nothing when the entry was revoked after two had approved', async () => {
    const address = await active();
    const withdrawal = await requested(address);
    await world.step('treasurer', 'revoke', address, { scope: 'withdrawal-address:revoke' });
    // The same address again, as another entry: it is not the approved one.
    await active();
    expect(await codeOf(() => world.step('releaser', 'release', withdrawal.transaction, release))).toBe(
      'destination_unknown',
    );
    expect(await stateOf(withdrawal.transaction)).toBe('requested');
  });

  it('is not in the book when it is for another asset or chain, or not an entry at all', async () => {
    const others = [
      await active({ chain_id: 'eip155:137' }),
      await active({ asset: { dti: '4H95J0R2X' } }),
      'txn_00000000000000000000000000',
      elsewhere.address,
    ];
    for (const address of others) {
      const withdrawal = await asked(address);
      await world.approve('firstOperator', withdrawal, toApproveWithdrawals);
      await world.approve('secondOperator', withdrawal, toApproveWithdrawals);
      expect(await codeOf(() => request(withdrawal))).toBe('destination_unknown');
    }
  });

  it('is refused when the chain reports another amount, and a person has to review it', async () => {
    const { transaction } = await requested(await active());
    await world.step('releaser', 'release', transaction, release);
    const confirm = () => world.step('releaser', 'confirm', transaction, { ...release, body: { amount: '125' } });
    expect(await codeOf(confirm)).toBe('partner_mismatch');
    expect(await world.exceptions('complianceOfficer', transaction)).toEqual([
      expect.objectContaining({ cause: 'mismatch', status: 'open', owner: leis.arranger }),
    ]);
  });
});
