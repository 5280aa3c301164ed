import type { Digest, TransactionId } from '@countersign/kernel';
import { type Connection, many } from './rows.ts';

export interface AwaitedApprovals {
  readonly keys: readonly string[];
  readonly until: number | null;
}

/** Transactions that a person may have to approve, and when this was determined. */
export interface WaitingQuery {
  readonly person: string;
  readonly keys: readonly string[];
  readonly intents?: readonly Digest[];
  readonly now: number;
  readonly limit: number;
}

export async function waitingTransactions(
  on: Connection,
  { person, keys, intents, now, limit }: WaitingQuery,
): Promise<readonly TransactionId[]> {
  const rows = await many<{ readonly id: TransactionId }>(
    on,
    `select id from transactions t
      where approvals_awaited && $1::text[] and approvals_awaited is not null and not ended
        and (approvals_awaited_until is null or approvals_awaited_until > to_timestamp($2::float8 / 1000))
        and ($3::text[] is null or intent_digest = any($3::text[]))
        and initiator <> $4 and coalesce(carried_by, '') <> $4
        and not exists (select 1 from approvals a where a.transaction_id = t.id and a.approver = $4
                           and a.withdrawn_at is null and a.expires_at > to_timestamp($2::float8 / 1000))
        and not exists (select 1 from approval_declines d where d.transaction_id = t.id and d.approver = $4)
      order by approvals_awaited_until, opened_at, id limit $5`,
    [keys, now, intents ?? null, person, limit],
  );
  return rows.map(({ id }) => id);
}

export async function putAwaited(
  on: Connection,
  { id, version }: { readonly id: TransactionId; readonly version: number },
  { keys, until }: AwaitedApprovals,
): Promise<void> {
  await many(
    on,
    `update transactions
        set approvals_awaited = $3, approvals_awaited_until = to_timestamp($4::float8 / 1000)
      where id = $1 and version = $2 and approvals_awaited is distinct from $3::text[]`,
    [id, version, keys, until],
  );
}

/** Clears the wanted approvals of transactions whose deadline has passed. @returns how many were cleared */
export async function forgetAwaited(on: Connection, now: number, limit: number): Promise<number> {
  const rows = await many(
    on,
    `update transactions set approvals_awaited = null, approvals_awaited_until = null
      where id in (select id from transactions
                    where approvals_awaited is not null and not ended
                      and approvals_awaited_until <= to_timestamp($1::float8 / 1000)
                    order by approvals_awaited_until limit $2)
     returning id`,
    [now, limit],
  );
  return rows.length;
}
