import { type DecimalString, parseDecimal, type TransactionId } from '@countersign/kernel';
import type { TradeUseKind } from '../trades/trade-ids.ts';
import { type Connection, many, one } from './rows.ts';

/** So much of a trade. */
export interface TradeUse {
  readonly trade: TransactionId;
  /** A currency, a DTI, or `units` of the instrument. */
  readonly unit: string;
  readonly amount: DecimalString;
}

/**
 * What a use takes stays taken until the transaction was cancelled or rejected, or the other end has reported that it failed:
 * a firm that calls its own released settlement failed, or gives up on it, makes no room to settle again.
 */
const stillTaken = `t.state not in ('cancelled', 'rejected')
  and not (t.state = 'failed' and exists (
    select 1 from transitions f
     where f.transaction_id = t.id and f.event = 'fail' and f.institution <> t.initiator_institution
       and f.idempotency_key not like 'exception %'))`;

/** What others than this transaction have taken of these trades. */
export async function takenByOthers(
  on: Connection,
  trades: readonly TransactionId[],
  kind: TradeUseKind,
  than: TransactionId,
): Promise<readonly TradeUse[]> {
  const rows = await many<Omit<TradeUse, 'amount'> & { readonly amount: string }>(
    on,
    `select u.trade_id as trade, u.unit, trim_scale(sum(u.amount))::text as amount
       from trade_uses u join transactions t on t.id = u.transaction_id
      where u.trade_id = any($1::text[]) and u.kind = $2 and u.transaction_id <> $3 and ${stillTaken}
      group by u.trade_id, u.unit`,
    [trades, kind, than],
  );
  return rows.map(({ amount, ...row }) => ({ ...row, amount: decimalOf(amount) }));
}

/** Takes them for a transaction; what it has taken before stays as it is. Only under the locks of the trades. */
export async function takeOfTrades(
  on: Connection,
  transaction: TransactionId,
  kind: TradeUseKind,
  uses: readonly TradeUse[],
): Promise<void> {
  await many(
    on,
    `insert into trade_uses (trade_id, transaction_id, kind, unit, amount)
     select trade, $1, $2, unit, amount from unnest($3::text[], $4::text[], $5::numeric[]) as u (trade, unit, amount)
     on conflict (trade_id, transaction_id) do nothing`,
    [transaction, kind, uses.map(({ trade }) => trade), uses.map(({ unit }) => unit), uses.map(({ amount }) => amount)],
  );
}

/** Whether a settlement of this trade is under way: instructed, and neither settled, failed nor cancelled. */
export async function isBeingSettled(on: Connection, trade: TransactionId): Promise<boolean> {
  const found = await one(
    on,
    `select 1 as found from trade_uses u join transactions t on t.id = u.transaction_id
      where u.trade_id = $1 and u.kind = 'settlement' and not t.ended limit 1`,
    [trade],
  );
  return found !== undefined;
}

/** Trades with an open exception other than that a partner has not been heard of in time. */
export async function stoppedTrades(
  on: Connection,
  trades: readonly TransactionId[],
): Promise<readonly TransactionId[]> {
  const rows = await many<{ readonly id: TransactionId }>(
    on,
    `select distinct transaction_id as id from exceptions
      where transaction_id = any($1::text[]) and status = 'open' and cause <> 'partner-timeout'`,
    [trades],
  );
  return rows.map(({ id }) => id);
}

function decimalOf(text: string): DecimalString {
  const amount = parseDecimal(text);
  if (amount === undefined) throw new Error('an amount of a trade is stored in no canonical form');
  return amount;
}
