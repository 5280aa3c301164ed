import { transactionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { Attempt } from '../attempt.ts';
import type { Change } from '../proof/change.ts';
import type { Unit } from '../proof/proven-store.ts';
import { tradesNamedBy } from '../store/trades.ts';

/** A trade cannot be reported as settled while a settlement of it is under way. */
export async function tradeFault(
  { asked, rule, trade, transaction }: Pick<Attempt, 'asked' | 'rule' | 'trade' | 'transaction'>,
  unit: Pick<Unit, 'isBeingSettled'>,
): Promise<CodedError | undefined> {
  if (rule.trade === true && trade.kind === 'fault') return trade.fault;
  const settlesTrade = transaction.detail.type === 'urn:countersign:rar:v1:trade_order' && asked.event === 'settle';
  return settlesTrade && (await unit.isBeingSettled(transaction.id))
    ? transactionErrors.error(
        'trade_being_settled',
        'A settlement of this trade is under way: report the trade as settled when that has settled or was cancelled.',
      )
    : undefined;
}

/** The quantities of trades that a step uses; earlier uses stay. */
export function takenOfTrades({
  rule,
  trade,
  transaction,
}: Pick<Attempt, 'rule' | 'trade' | 'transaction'>): Change['takes'] {
  const named = tradesNamedBy(transaction.detail);
  return rule.trade !== true || trade.kind !== 'stands' || named === undefined
    ? undefined
    : { kind: named.kind, uses: trade.uses };
}
