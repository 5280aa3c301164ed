import type { TransactionState } from '@countersign/contracts';
import type { MandateId, TransactionId } from '@countersign/kernel';
import { type Connection, ids, many, one } from './rows.ts';

export function transactionReads(on: Connection) {
  return {
    async arrivedBefore(about: {
      readonly institution: string;
      readonly destinationKey: string;
      readonly arrived: readonly TransactionState[];
    }): Promise<readonly TransactionId[]> {
      return ids(
        on,
        `select id from transactions
      where initiator_institution = $1 and destination_key = $2 and ended and state = any($3::text[]) order by id desc limit 5`,
        [about.institution, about.destinationKey, about.arrived],
      );
    },
    /** Transactions that missed a deadline for which no exception exists yet. */
    async overdueTransactions(now: number, limit: number): Promise<readonly TransactionId[]> {
      return ids(
        on,
        `select id from transactions
      where awaited_until <= to_timestamp($1::float8 / 1000) and overdue_version is null
      order by awaited_until limit $2`,
        [now, limit],
      );
    },
    async noteOverdue({ id, version }: { readonly id: TransactionId; readonly version: number }): Promise<void> {
      await many(on, 'update transactions set overdue_version = version where id = $1 and version = $2', [id, version]);
    },
    /** Unfinished transactions that a person initiated or took over; in pages, by id. */
    async openOf(
      principal: string,
      after: TransactionId | undefined,
      limit: number,
    ): Promise<readonly TransactionId[]> {
      return ids(
        on,
        `select id from transactions
      where coalesce(carried_by, initiator) = $1 and not ended and ($2::text is null or id > $2) order by id limit $3`,
        [principal, after ?? null, limit],
      );
    },
  };
}

export function transactionWrites(on: Connection) {
  return {
    async takeInstruction(mandate: MandateId, transaction: TransactionId): Promise<TransactionId> {
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
    },
  };
}
