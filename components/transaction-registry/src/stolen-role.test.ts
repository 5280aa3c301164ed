import type { TransactionId } from '@countersign/kernel';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { actor, custodian, fundSignatory } from '../../consent-store/src/testing/firms.ts';
import { approvalClaims } from './testing/approver.ts';
import {
  complianceOfficer,
  createLivesWorld,
  firstOperator,
  type LivesWorld,
  releaser,
  riskOfficer,
  secondOperator,
  trader,
} from './testing/lives-world.ts';

/** Every attack below uses a connection with this component's database role and nothing else. */
describe('a thief with the database role of the transaction registry', () => {
  let world: LivesWorld;
  let thief: pg.Pool;
  beforeAll(async () => {
    world = await createLivesWorld();
    thief = world.scratch.pool('transaction-registry', { maxConnections: 1 });
  });
  afterAll(() => world.close());

  const coded = (code: string) => expect.objectContaining({ code });
  const unproven = coded('authority_unproven');
  const contradicted = () => world.audit.ofType('row.rejected').map(({ data }) => (data as { of: string }).of);

  /** A withdrawal that two people must approve before it is released. */
  async function requested() {
    const withdrawal = await world.begin('withdrawal', { address_id: await world.activeAddress() });
    await world.step(withdrawal.id, 'request');
    return withdrawal;
  }
  const release = (id: TransactionId) => world.step(id, 'release', { person: releaser });
  const copyApproval = (id: string, changes: string) =>
    thief.query(
      `insert into approvals (id, transaction_id, approver, role, institution, kid, token_id, intent_digest, expires_at, record_id)
       select 'apr_' || substr(md5(random()::text || clock_timestamp()::text), 1, 26), transaction_id, approver, role, institution, kid,
              token_id || '-again', intent_digest, expires_at, record_id || '-again' from approvals where id = $1 ${changes}`,
      [id],
    );

  it('cannot release with approvals that nobody gave', async () => {
    const withdrawal = await requested();
    for (const person of [firstOperator, secondOperator])
      await thief.query(
        `insert into approvals (id, transaction_id, approver, role, institution, kid, token_id, intent_digest, expires_at, record_id)
         select 'apr_' || substr(md5(random()::text), 1, 26), id, $2, 'operations', initiator_institution, $3, 'made-up-' || $2, intent_digest,
                now() + interval '1 hour', last_record_id || $2 from transactions where id = $1`,
        [withdrawal.id, person.id, world.keyOf(person).credential.kid],
      );
    await expect(release(withdrawal.id)).rejects.toThrow(coded('approval_required'));
    expect((await world.registry.facts(withdrawal.id))?.approvals).toEqual([]);
  });

  it('cannot duplicate an approval, move it to another transaction, or extend it', async () => {
    const withdrawal = await requested();
    const other = await requested();
    await world.approve(other, firstOperator, secondOperator);
    await thief.query('update approvals set transaction_id = $1, intent_digest = $2 where transaction_id = $3', [
      withdrawal.id,
      withdrawal.intentDigest,
      other.id,
    ]);
    await expect(release(withdrawal.id)).rejects.toThrow(coded('approval_required'));

    await world.approve(withdrawal, firstOperator);
    const [given] = (
      await thief.query<{ id: string }>(
        `select id from approvals where transaction_id = $1 and token_id not like '%again' order by sequence desc limit 1`,
        [withdrawal.id],
      )
    ).rows;
    await copyApproval(given?.id ?? '', '');
    await thief.query(`update approvals set approver = $2 where transaction_id = $1 and token_id like '%again'`, [
      withdrawal.id,
      secondOperator.id,
    ]);
    await thief.query(`update approvals set expires_at = expires_at + interval '1 year' where id = $1`, [given?.id]);
    world.clock.advance(30 * 60_000);
    await expect(release(withdrawal.id)).rejects.toThrow(coded('approval_required'));
    expect((await world.registry.facts(withdrawal.id))?.approvals).toEqual([]);
  });

  it('cannot restore a withdrawn approval', async () => {
    const withdrawal = await requested();
    await world.approve(withdrawal, firstOperator);
    const approval = await world.registry.approve(
      withdrawal.id,
      world.keyOf(secondOperator).sign({ ...approvalClaims(secondOperator, withdrawal, world.clock.now()) }),
    );
    await world.registry.withdrawApproval(withdrawal.id, approval.id, actor(secondOperator));
    await thief.query('update approvals set withdrawn_at = null, withdrawn_record_id = null where id = $1', [
      approval.id,
    ]);
    await expect(release(withdrawal.id)).rejects.toThrow(coded('approval_required'));
  });

  it.each([
    `state = 'released'`,
    `initiator = 'person:somebody-else'`,
    `carried_by = 'person:somebody-else'`,
    `detail = jsonb_set(detail, '{amount}', '"49"')`,
    `destination_digest = null`,
    `mandate_version = 7`,
    `opened_at = opened_at - interval '1 year'`,
    `version = version + 1`,
    `changed_record_id = opened_record_id`,
  ])('cannot advance a transaction with %s', async (change) => {
    const withdrawal = await requested();
    await world.approve(withdrawal, firstOperator, secondOperator);
    await thief.query(`update transactions set ${change} where id = $1`, [withdrawal.id]);
    await expect(release(withdrawal.id)).rejects.toThrow(unproven);
    await expect(world.registry.facts(withdrawal.id)).rejects.toThrow(unproven);
    expect(contradicted()).toContain(`transaction:${withdrawal.id}`);
  });

  it('cannot show it to another firm', async () => {
    const withdrawal = await requested();
    await thief.query('insert into transaction_parties (transaction_id, lei) values ($1, $2)', [
      withdrawal.id,
      'SIXTEENCHARACTER0000',
    ]);
    await expect(world.registry.stepsOf(withdrawal.id, 'SIXTEENCHARACTER0000')).rejects.toThrow(unproven);
  });

  it('cannot execute, settle or repeat a step that nobody took', async () => {
    const order = await world.executedOrder();
    await thief.query(
      `insert into transitions (transaction_id, version, event, to_state, institution, idempotency_key, body_digest, body, record_id, recorded_at)
       select transaction_id, 9, 'settle', 'settled', institution, 'made-up', body_digest, body, 'rec_made_up_1', now()
         from transitions where transaction_id = $1 order by version desc limit 1`,
      [order],
    );
    await expect(world.registry.history(order)).rejects.toThrow(unproven);
    await expect(world.report(order, 'clear')).rejects.toThrow(unproven);

    const another = await world.executedOrder();
    await thief.query(
      `update transitions set body = jsonb_set(body, '{qty}', '"999"') where transaction_id = $1 and event = 'execute'`,
      [another],
    );
    await expect(world.begin('settlement_instruction', { trade_id: another, amount: '1' })).rejects.toThrow(unproven);
  });

  it('cannot settle for a trade that was never executed, or twice', async () => {
    const { transaction: submitted } = await world.reach('submit');
    await thief.query(`update transactions set state = 'executed' where id = $1`, [submitted.id]);
    await expect(world.begin('settlement_instruction', { trade_id: submitted.id })).rejects.toThrow(unproven);

    await world.begin('settlement_instruction');
    const trade = await world.executedOrder();
    const first = await world.begin('settlement_instruction', { trade_id: trade, amount: '90000' });
    await world.step(first.id, 'instruct');
    await thief.query('delete from trade_uses where transaction_id = $1', [first.id]);
    await expect(world.begin('settlement_instruction', { trade_id: trade, amount: '90000' })).rejects.toThrow(unproven);
    await thief.query(
      `insert into trade_uses (trade_id, transaction_id, kind, unit, amount) values ($1, $2, 'settlement', 'EUR', 90000)`,
      [trade, first.id],
    );
    // Not even when the first is marked as cancelled.
    await thief.query(`update transactions set state = 'cancelled', ended = true where id = $1`, [first.id]);
    await expect(world.begin('settlement_instruction', { trade_id: trade, amount: '90000' })).rejects.toThrow(unproven);
  });

  it('cannot make a destination known', async () => {
    const proposed = await world.begin('address_book_change');
    await world.step(proposed.id, 'propose');
    const withdrawal = await world.begin('withdrawal', { address_id: proposed.id });
    await thief.query(`update transactions set state = 'active' where id = $1`, [proposed.id]);
    await expect(world.step(withdrawal.id, 'request')).rejects.toThrow(unproven);
    await expect(world.begin('withdrawal', { address_id: proposed.id })).rejects.toThrow(unproven);
  });

  it('cannot remove an exception', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
    const [exception] = await world.registry.exceptions({ transaction: transaction.id });
    await thief.query(`delete from exceptions where transaction_id = $1`, [transaction.id]);
    await expect(world.report(transaction.id, 'settle', { institution: custodian })).rejects.toThrow(unproven);
    expect(exception?.status).toBe('open');
  });

  it('cannot close an exception, or accept a report in somebody’s name', async () => {
    const { transaction, root } = await world.reach('submit', 'execute');
    await world.consentStore.revoke(root.id, actor(fundSignatory), 'End of relationship');
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(coded('mandate_lapsed'));
    await thief.query(
      `update exceptions set status = 'resolved', resolution = jsonb_build_object('kind', 'accepted', 'by', $2::text, 'reason', 'x', 'at', raised_at, 'recordId', record_id)
        where transaction_id = $1`,
      [transaction.id, riskOfficer.id],
    );
    await expect(world.report(transaction.id, 'clear')).rejects.toThrow(unproven);
  });

  it('cannot open a transaction: one without its record does not exist', async () => {
    const opened = await world.begin('withdrawal', { address_id: await world.activeAddress() });
    const id = `txn_${'0'.repeat(26)}`;
    await thief.query(
      `insert into transactions (id, client, idempotency_key, detail, intent_digest, initiator, initiator_institution, mandate_id, mandate_version,
                                 mandate_record_id, state, version, last_record_id, opened_record_id, opened_at, destination_key, changed_record_id)
       select $2, client, 'made up', detail, intent_digest, initiator, initiator_institution, mandate_id, mandate_version, mandate_record_id,
              state, version, last_record_id, opened_record_id, opened_at, destination_key, changed_record_id from transactions where id = $1`,
      [opened.id, id],
    );
    await expect(world.registry.facts(id as TransactionId)).rejects.toThrow(unproven);
    await expect(world.step(id as TransactionId, 'request')).rejects.toThrow();
  });

  it('cannot undo a step: a row set back is brought forward again from the records', async () => {
    const { transaction } = await world.reach('submit', 'cancel');
    await thief.query('delete from transitions where transaction_id = $1 and version = 2', [transaction.id]);
    await thief.query(
      `update transactions t set state = 'submitted', version = 1, ended = false, last_record_id = s.record_id, changed_record_id = s.record_id
         from transitions s where t.id = $1 and s.transaction_id = t.id and s.version = 1`,
      [transaction.id],
    );
    expect(await world.registry.facts(transaction.id)).toMatchObject({ state: 'cancelled', version: 2 });
    await expect(world.report(transaction.id, 'execute')).rejects.toThrow(coded('transition_out_of_order'));
  });

  it('cannot use an instruction twice', async () => {
    const root = await world.grant({ kind: 'instruction' });
    const [first, second] = [
      await world.begin('settlement_instruction', {}, root),
      await world.begin('settlement_instruction', {}, root),
    ];
    await world.step(first.id, 'instruct');
    await thief.query('delete from instruction_uses where mandate_id = $1', [root.id]);
    await expect(world.step(second.id, 'instruct')).rejects.toThrow(coded('mandate_instruction_used'));
  });

  it('cannot keep anybody from leaving', async () => {
    const own = await createLivesWorld();
    try {
      const [one, other] = [await own.begin('rfq'), await own.begin('rfq')];
      const role = own.scratch.pool('transaction-registry', { maxConnections: 1 });
      await role.query(`update transactions set client = 'other' where id = $1`, [one.id]);
      await own.registry.endAuthorityOf(trader.id, 'leave', { id: 'service:people' }, 'Left the firm');
      expect(await own.registry.facts(other.id)).toMatchObject({ state: 'cancelled' });
      await expect(own.registry.facts(one.id)).rejects.toThrow(unproven);
    } finally {
      await own.close();
    }
  });

  it('cannot let somebody release what they approved by removing their approval', async () => {
    const withdrawal = await requested();
    await world.approve(withdrawal, firstOperator, secondOperator, complianceOfficer);
    await thief.query('delete from approvals where transaction_id = $1 and approver = $2', [
      withdrawal.id,
      firstOperator.id,
    ]);
    await expect(world.step(withdrawal.id, 'release', { person: firstOperator })).rejects.toThrow(
      coded('duties_combined'),
    );
  });

  it('cannot give an approver another role', async () => {
    const withdrawal = await requested();
    await world.approve(withdrawal, firstOperator, complianceOfficer);
    await thief.query(`update approvals set role = 'operations' where transaction_id = $1 and approver = $2`, [
      withdrawal.id,
      complianceOfficer.id,
    ]);
    expect((await world.registry.facts(withdrawal.id))?.approvals.map(({ approver }) => approver)).toEqual([
      firstOperator.id,
    ]);
  });
});
