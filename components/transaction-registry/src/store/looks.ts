import type { TransactionId } from '@countersign/kernel';
import { type Connection, many, one } from './rows.ts';

export interface Look {
  readonly approver: string;
  readonly transaction: TransactionId;
  readonly about: string;
  readonly warnings: readonly string[];
  readonly at: number;
}

export async function putLook(
  on: Connection,
  look: Look,
): Promise<{ readonly warnings: readonly string[] } | undefined> {
  const before = await one<{ readonly warnings: readonly string[] }>(
    on,
    'select warnings from approval_looks where approver = $1 and transaction_id = $2',
    [look.approver, look.transaction],
  );
  await many(
    on,
    `insert into approval_looks (approver, transaction_id, about, first_at, last_at, warnings)
     values ($1, $2, $3, to_timestamp($4::float8 / 1000), to_timestamp($4::float8 / 1000), $5)
     on conflict (approver, transaction_id) do update set last_at = excluded.last_at, warnings = excluded.warnings`,
    [look.approver, look.transaction, look.about, look.at, look.warnings],
  );
  return before;
}

export async function looksBefore(
  on: Connection,
  { approver, transaction, about }: Pick<Look, 'approver' | 'transaction' | 'about'>,
  limit: number,
): Promise<readonly { readonly transaction: TransactionId; readonly at: number }[]> {
  return many(
    on,
    `select transaction_id as transaction, (extract(epoch from last_at) * 1000)::float8 as at from approval_looks
      where approver = $1 and about = $2 and transaction_id <> $3
        and first_at < (select first_at from approval_looks where approver = $1 and transaction_id = $3)
      order by first_at desc, transaction_id desc limit $4`,
    [approver, about, transaction, limit],
  );
}
