import { type DecimalString, parseDecimal, type TransactionId } from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';
import { type Connection, many } from './rows.ts';

export interface TradeUse {
  readonly trade: TransactionId;
  /** A currency, a DTI, or `units` of the instrument. */
  readonly unit: string;
  readonly amount: DecimalString;
}

/**
 * Used until cancelled, rejected, or reported as failed by the receiving end. A firm's own report of failure does not
 * permit a second settlement.
 */
const stillTaken = `(t.state not in ('cancelled', 'rejected')
  and not (t.state = 'failed' and exists (
    select 1 from transitions f
     where f.transaction_id = t.id and f.event = 'fail' and f.institution <> t.initiator_institution
       and f.idempotency_key not like 'exception %')))`;

export interface TradeUseRow extends TradeUse {
  readonly transaction: TransactionId;
  readonly kind: TradeUseKind;
  readonly stillTaken: boolean;
  readonly ended: boolean;
}

interface UseRow extends Omit<TradeUseRow, 'amount'> {
  readonly amount: string;
}

const useColumns = `u.trade_id as trade, u.transaction_id as transaction, u.kind, u.unit, trim_scale(u.amount)::text as amount`;

export function tradeReads(on: Connection) {
  return {
    async usesOfTrades(trades: readonly TransactionId[]): Promise<readonly TradeUseRow[]> {
      const rows = await many<UseRow>(
        on,
        `select ${useColumns}, ${stillTaken} as "stillTaken", t.ended
       from trade_uses u join transactions t on t.id = u.transaction_id
      where u.trade_id = any($1::text[]) order by u.trade_id, u.transaction_id`,
        [trades],
      );
      return rows.map(({ amount, ...row }) => ({ ...row, amount: decimalOf(amount) }));
    },
    async takenBy(
      transaction: TransactionId,
    ): Promise<readonly Omit<TradeUseRow, 'stillTaken' | 'ended' | 'transaction'>[]> {
      const rows = await many<Omit<UseRow, 'stillTaken' | 'ended'>>(
        on,
        `select ${useColumns} from trade_uses u where u.transaction_id = $1 order by u.trade_id`,
        [transaction],
      );
      return rows.map(({ trade, kind, unit, amount }) => ({ trade, kind, unit, amount: decimalOf(amount) }));
    },
  };
}

export function tradeWrites(on: Connection) {
  return {
    async takeOfTrades(transaction: TransactionId, kind: TradeUseKind, uses: readonly TradeUse[]): Promise<void> {
      await many(
        on,
        `insert into trade_uses (trade_id, transaction_id, kind, unit, amount)
     select trade, $1, $2, unit, amount from unnest($3::text[], $4::text[], $5::numeric[]) as u (trade, unit, amount)
     on conflict (trade_id, transaction_id) do nothing`,
        [
          transaction,
          kind,
          uses.map(({ trade }) => trade),
          uses.map(({ unit }) => unit),
          uses.map(({ amount }) => amount),
        ],
      );
    },
  };
}

function decimalOf(text: string): DecimalString {
  const amount = parseDecimal(text);
  if (amount === undefined) throw new Error('an amount of a trade is stored in no canonical form');
  return amount;
}

/** The kind of use an intent makes of executed trades; uses of one kind share the executed quantity. */
export type TradeUseKind = 'allocation' | 'clearing' | 'settlement';

export interface NamedTrades {
  readonly kind: TradeUseKind;
  readonly ids: readonly TransactionId[];
}

export function tradesNamedBy(detail: AuthorizationDetail): NamedTrades | undefined {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:allocation':
      return { kind: 'allocation', ids: detail.trade_ids };
    case 'urn:countersign:rar:v1:clearing_submission':
      return { kind: 'clearing', ids: [detail.trade_id] };
    case 'urn:countersign:rar:v1:settlement_instruction':
      return { kind: 'settlement', ids: [detail.trade_id] };
    default:
      return undefined;
  }
}
