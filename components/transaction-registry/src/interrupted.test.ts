import type { RecordDraft } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor, fundSignatory } from '../../consent-store/src/testing/firms.ts';
import { approvalClaims } from './testing/approver.ts';
import {
  createLivesWorld,
  firstOperator,
  type LivesWorld,
  riskOfficer,
  secondOperator,
  trader,
} from './testing/lives-world.ts';

/**
 * A process dies between the record of a command and its commit, and the command is repeated: the test breaks its database
 * connection at that moment. There must be one record of the command, and its effect must have happened.
 */
describe('a command whose process died after its record', () => {
  let world: LivesWorld;
  let admin: pg.Pool;
  beforeAll(async () => {
    world = await createLivesWorld();
    admin = world.scratch.pool('transaction-registry', { maxConnections: 1 });
  });
  afterAll(() => world.close());

  const coded = (code: string) => expect.objectContaining({ code });

  async function interrupted(command: () => Promise<unknown>): Promise<void> {
    world.audit.afterNextAppend(async () => {
      await admin.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
      );
    });
    await expect(command()).rejects.toThrow(coded('database_unavailable'));
  }
  const recordsOf = (id: TransactionId, type: RecordDraft['type']) =>
    world.audit.records.filter((record) => record.transaction === id && record.type === type);

  it('opens one transaction, the recorded one', async () => {
    const root = await world.grant();
    const command = () => world.begin('withdrawal', { address_id: address, idempotency_key: 'opened-once' }, root);
    const address = await world.activeAddress({}, root);
    await interrupted(command);
    const [recorded, ...others] = world.audit.records.filter(
      ({ type, data }) =>
        type === 'transaction.opened' && (data as { idempotency_key?: string }).idempotency_key === 'opened-once',
    );
    const opened = await command();
    expect(others).toEqual([]);
    expect(opened).toMatchObject({ id: recorded?.transaction, recordId: recorded?.id, state: 'intended' });
    expect(await command()).toMatchObject({ id: opened.id });
    await expect(world.step(opened.id, 'request')).resolves.toMatchObject({ state: 'requested' });
    await expect(
      world.begin('withdrawal', { address_id: address, amount: '1', idempotency_key: 'opened-once' }, root),
    ).rejects.toThrow(coded('idempotency_conflict'));
  });

  it('opens nothing else under a key that was recorded for another intent', async () => {
    const root = await world.grant();
    const address = await world.activeAddress({}, root);
    const command = (amount: string) => () =>
      world.begin('withdrawal', { address_id: address, amount, idempotency_key: 'opened-otherwise' }, root);
    await interrupted(command('3'));
    await expect(command('4')()).rejects.toThrow(coded('idempotency_conflict'));
    await expect(command('3')()).resolves.toMatchObject({ state: 'intended' });
  });

  it('approves once', async () => {
    const withdrawal = await requested();
    const jws = world.keyOf(firstOperator).sign({ ...approvalClaims(firstOperator, withdrawal, world.clock.now()) });
    const command = () => world.registry.approve(withdrawal.id, jws);
    await interrupted(command);
    // A record without its row is no approval yet: its sender does not know that it counts.
    expect((await world.registry.facts(withdrawal.id))?.approvals).toEqual([]);
    const approval = await command();
    const records = recordsOf(withdrawal.id, 'approval.given');
    expect(records).toMatchObject([{ id: approval.recordId, data: { approval_id: approval.id } }]);
    expect((await world.registry.facts(withdrawal.id))?.approvals).toHaveLength(1);
  });

  it('approves once, on whichever nodes it is repeated at once', async () => {
    const withdrawal = await requested();
    const jws = world.keyOf(firstOperator).sign({ ...approvalClaims(firstOperator, withdrawal, world.clock.now()) });
    await interrupted(() => world.registry.approve(withdrawal.id, jws));
    const nodes = [world.registry, world.registryWith()];
    const brought = await Promise.allSettled(
      Array.from({ length: 6 }, (_, index) => nodes[index % 2]?.approve(withdrawal.id, jws)),
    );
    const taken = brought.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    const refused = brought.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    const records = recordsOf(withdrawal.id, 'approval.given');
    expect(records).toMatchObject([{ id: taken[0]?.recordId, data: { approval_id: taken[0]?.id } }]);
    expect(taken).toHaveLength(1);
    expect(refused).toEqual(Array.from({ length: 5 }, () => coded('approval_repeated')));
    expect((await world.registry.facts(withdrawal.id))?.approvals).toMatchObject([{ approver: firstOperator.id }]);
  });

  it('withdraws an approval once, which does not count in between', async () => {
    const withdrawal = await requested();
    await world.approve(withdrawal, firstOperator);
    const approval = await world.registry.approve(
      withdrawal.id,
      world.keyOf(secondOperator).sign({ ...approvalClaims(secondOperator, withdrawal, world.clock.now()) }),
    );
    const command = () => world.registry.withdrawApproval(withdrawal.id, approval.id, actor(secondOperator));
    await interrupted(command);
    expect((await world.registry.facts(withdrawal.id))?.approvals).toMatchObject([{ approver: firstOperator.id }]);
    const { withdrawn } = await command();
    expect(recordsOf(withdrawal.id, 'approval.withdrawn')).toMatchObject([{ id: withdrawn?.recordId }]);
  });

  it('takes a step once, with everything it uses: trade, instruction, limits', async () => {
    const trade = await world.executedOrder();
    const root = await world.grant({ kind: 'instruction' });
    await world.begin('settlement_instruction');
    const settlement = await world.begin('settlement_instruction', { trade_id: trade, amount: '90000' }, root);
    const command = () => world.step(settlement.id, 'instruct', {}, {}, 'instruct-once');
    await interrupted(command);
    // A request for the rest of the trade meanwhile finds it used.
    await expect(world.begin('settlement_instruction', { trade_id: trade, amount: '90000' })).rejects.toThrow(
      coded('trade_exceeded'),
    );
    const receipt = await command();
    expect(receipt).toMatchObject({ state: 'instructed', version: 1, replayed: true });
    expect(recordsOf(settlement.id, 'transaction.transitioned')).toMatchObject([{ id: receipt.recordId }]);
    expect(
      (await admin.query('select amount from trade_uses where transaction_id = $1', [settlement.id])).rowCount,
    ).toBe(1);
    expect((await admin.query('select 1 from instruction_uses where mandate_id = $1', [root.id])).rowCount).toBe(1);
  });

  it('continues with the next step when it is not repeated', async () => {
    const { transaction } = await world.reach('submit');
    await interrupted(() => world.report(transaction.id, 'execute'));
    await expect(world.report(transaction.id, 'clear')).resolves.toMatchObject({ state: 'cleared', version: 3 });
    expect((await world.registry.history(transaction.id)).map(({ event }) => event)).toEqual([
      'submit',
      'execute',
      'clear',
    ]);
  });

  it('is completed by an approval of its result on another node', async () => {
    const withdrawal = await world.begin('withdrawal', { address_id: await world.activeAddress() });
    await interrupted(() => world.step(withdrawal.id, 'request'));
    const jws = world.keyOf(firstOperator).sign({ ...approvalClaims(firstOperator, withdrawal, world.clock.now()) });
    await world.registryWith().approve(withdrawal.id, jws);
    expect((await world.registry.history(withdrawal.id)).map(({ event }) => event)).toEqual(['request']);
    expect(recordsOf(withdrawal.id, 'transaction.transitioned')).toHaveLength(1);
    expect((await world.registry.facts(withdrawal.id))?.approvals).toMatchObject([{ approver: firstOperator.id }]);
  });

  it('gets the same answer from another node, and is visible to readers', async () => {
    const { transaction } = await world.reach('submit', 'execute');
    await interrupted(() => world.report(transaction.id, 'clear'));
    const other = world.registryWith();
    expect(await other.facts(transaction.id)).toMatchObject({ state: 'cleared', version: 3 });
  });

  it('raises an exception once, and resolves it once', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    await world.consentStore.suspend(root.id, actor(fundSignatory), 'Looked into');
    const clear = () => world.report(transaction.id, 'clear', { key: 'clear-once' });
    await interrupted(clear);
    await expect(clear()).rejects.toThrow(coded('mandate_lapsed'));
    expect(recordsOf(transaction.id, 'exception.raised')).toHaveLength(1);
    const [exception, ...others] = await world.registry.exceptions({ transaction: transaction.id });
    if (exception === undefined || others.length > 0) throw new Error('one exception was expected');

    const abandon = () =>
      world.registry.resolveException(exception.id, { kind: 'abandoned', reason: 'Given up' }, actor(riskOfficer));
    await interrupted(abandon);
    expect(await world.registry.facts(transaction.id)).toMatchObject({ state: 'failed' });
    expect(await abandon()).toMatchObject({ status: 'resolved', resolution: { kind: 'abandoned' } });
    expect(recordsOf(transaction.id, 'exception.resolved')).toHaveLength(1);
  });

  it('records a fresh mandate, or a takeover, once', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
    const { root: fresh } = await world.mandates();
    const [exception] = await world.registry.exceptions({ transaction: transaction.id });
    const resolve = () =>
      world.registry.resolveException(
        exception?.id ?? ('' as never),
        { kind: 'fresh-mandate', reason: 'Renewed', mandate: fresh.id },
        actor(riskOfficer),
      );
    await interrupted(resolve);
    expect(await world.registry.facts(transaction.id)).toMatchObject({ mandate: { id: fresh.id } });
    expect(await resolve()).toMatchObject({ resolution: { mandate: { id: fresh.id } } });
  });

  it('cancels a leaver’s transaction once', async () => {
    const own = await createLivesWorld();
    try {
      const { id } = await own.begin('rfq');
      const leave = () => own.registry.endAuthorityOf(trader.id, 'leave', { id: 'service:people' }, 'Left the firm');
      const connections = own.scratch.pool('transaction-registry', { maxConnections: 1 });
      own.audit.afterNextAppend(async () => {
        await connections.query(
          `select pg_terminate_backend(pid) from pg_stat_activity where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
        );
      });
      await expect(leave()).rejects.toThrow(coded('database_unavailable'));
      await leave();
      expect(await own.registry.facts(id)).toMatchObject({ state: 'cancelled' });
      const records = own.audit.records.filter(
        ({ type, transaction }) => transaction === id && type === 'transaction.transitioned',
      );
      expect(records).toHaveLength(1);
    } finally {
      await own.close();
    }
  });

  async function requested() {
    const withdrawal = await world.begin('withdrawal', { address_id: await world.activeAddress() });
    await world.step(withdrawal.id, 'request');
    return withdrawal;
  }
});
