import type { RecordId, TransactionId } from '@countersign/kernel';
import { type Connection, many } from './rows.ts';

/** An approver declined a transaction. */
export interface StoredDecline {
  readonly approver: string;
  readonly institution: string;
  readonly reason: string;
  readonly at: string;
  readonly recordId: RecordId;
}

export async function declinesOf(on: Connection, id: TransactionId): Promise<readonly StoredDecline[]> {
  const rows = await many<Omit<StoredDecline, 'at'> & { readonly at: Date }>(
    on,
    `select approver, institution, reason, declined_at as at, record_id as "recordId" from approval_declines
      where transaction_id = $1 order by declined_at desc, approver`,
    [id],
  );
  return rows.map(({ at, ...row }) => ({ ...row, at: at.toISOString() }));
}

/** The transaction is locked, so there is no concurrent insert for the same person. */
export async function putDecline(on: Connection, id: TransactionId, decline: StoredDecline): Promise<void> {
  await many(
    on,
    `insert into approval_declines (transaction_id, approver, institution, reason, declined_at, record_id)
     values ($1, $2, $3, $4, $5, $6)`,
    [id, decline.approver, decline.institution, decline.reason, decline.at, decline.recordId],
  );
}
