import type { TransactionId } from '@countersign/kernel';
import type pg from 'pg';
import { inBulk, inSlices } from '../growth/owner-pool.ts';

const slice = 20_000;

const copy = `'txn_' || lpad(n::text, 26, '0')`;
/** Of the copy numbered n, the row that it is a copy of. */
const copied = (table: string, key: string) =>
  `generate_series($1::bigint, $2::bigint) as n
     join transaction_registry.${table} t on t.${key} = ($3::text[])[1 + n % cardinality($3::text[])]`;
/** A record for each version of a copy, as names of records are unique. */
const record = (version: string) => `'rec_' || lpad((n * 10 + ${version})::text, 26, '0')`;

/** In the order of what refers to what; all constraints hold for them. */
const inserts: readonly string[] = [
  `insert into transaction_registry.transactions
     (id, client, idempotency_key, detail, intent_digest, initiator, initiator_institution, mandate_id, mandate_version,
      mandate_record_id, state, version, last_record_id, opened_record_id, opened_at, ended, awaited_until, changed_record_id)
   select ${copy}, t.client, t.idempotency_key || '-' || n, t.detail, t.intent_digest, t.initiator, t.initiator_institution,
          t.mandate_id, t.mandate_version, t.mandate_record_id, t.state, t.version, ${record('t.version')}, ${record('0')},
          t.opened_at, t.ended, t.awaited_until, ${record('t.version')}
     from ${copied('transactions', 'id')} order by 1`,
  `insert into transaction_registry.transaction_parties (transaction_id, lei)
   select ${copy}, t.lei from ${copied('transaction_parties', 'transaction_id')} order by 2, 1`,
  `insert into transaction_registry.transitions
     (transaction_id, version, event, to_state, institution, idempotency_key, body_digest, body, record_id, recorded_at, late,
      actor, decision_id, policy_version)
   select ${copy}, t.version, t.event, t.to_state, t.institution, t.event || '-' || ${copy}, t.body_digest, t.body,
          ${record('t.version')}, t.recorded_at, t.late, t.actor, t.decision_id, t.policy_version
     from ${copied('transitions', 'transaction_id')} order by 1, 2`,
];

/** Makes so many copies of transactions that have been carried on, each with its parties and its steps. */
export async function fillTransactions(
  owner: pg.Pool,
  models: readonly TransactionId[],
  count: number,
  onProgress: (message: string) => void,
): Promise<void> {
  await inBulk(owner, async () => {
    await inSlices({ first: 1, count, slice }, async (from, to) => {
      onProgress(`${to.toLocaleString('en-US')} of ${count.toLocaleString('en-US')} transactions`);
      for (const insert of inserts) await owner.query(insert, [from, to, models]);
    });
  });
}

export async function countTransactions(owner: pg.Pool): Promise<number> {
  const { rows } = await owner.query<{ count: string }>('select count(*) from transaction_registry.transactions');
  return Number(rows[0]?.count);
}
