import type { TransactionState } from '@countersign/contracts';
import type { MandateId, TransactionId } from '@countersign/kernel';
import { type Connection, many, one } from './rows.ts';

export async function takeInstruction(
  on: Connection,
  mandate: MandateId,
  transaction: TransactionId,
): Promise<TransactionId> {
  await many(
    on,
    'insert into instruction_uses (mandate_id, transaction_id) values ($1, $2) on conflict (mandate_id) do nothing',
    [mandate, transaction],
  );
  const taken = await one<{ readonly id: TransactionId }>(
    on,
    'select transaction_id as id from instruction_uses where mandate_id = $1',
    [mandate],
  );
  return taken?.id ?? transaction;
}

export async function arrivedBefore(
  on: Connection,
  about: {
    readonly institution: string;
    readonly destinationKey: string;
    readonly arrived: readonly TransactionState[];
  },
): Promise<readonly TransactionId[]> {
  const rows = await many<{ readonly id: TransactionId }>(
    on,
    `select id from transactions
      where initiator_institution = $1 and destination_key = $2 and ended and state = any($3::text[]) order by id desc limit 5`,
    [about.institution, about.destinationKey, about.arrived],
  );
  return rows.map(({ id }) => id);
}

/** Transactions that missed a deadline for which no exception exists yet. */
export async function overdueLives(on: Connection, now: number, limit: number): Promise<readonly TransactionId[]> {
  const rows = await many<{ readonly id: TransactionId }>(
    on,
    `select id from transactions
      where awaited_until <= to_timestamp($1::float8 / 1000) and overdue_version is null
      order by awaited_until limit $2`,
    [now, limit],
  );
  return rows.map(({ id }) => id);
}

export async function tellOverdue(
  on: Connection,
  { id, version }: { readonly id: TransactionId; readonly version: number },
): Promise<void> {
  await many(on, 'update transactions set overdue_version = version where id = $1 and version = $2', [id, version]);
}

/** Unfinished transactions that a person initiated or took over; in pages, by id. */
export async function openOf(
  on: Connection,
  principal: string,
  after: TransactionId | undefined,
  limit: number,
): Promise<readonly TransactionId[]> {
  const rows = await many<{ readonly id: TransactionId }>(
    on,
    `select id from transactions
      where coalesce(carried_by, initiator) = $1 and not ended and ($2::text is null or id > $2) order by id limit $3`,
    [principal, after ?? null, limit],
  );
  return rows.map(({ id }) => id);
}
