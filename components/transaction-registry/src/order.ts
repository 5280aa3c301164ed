import { transactionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { TradeOrder } from '@countersign/market';
import type { StoredTransaction } from './store.ts';

/** A transaction whose intent is a trade order: the one kind whose whole life is written down in `state-machine.ts`. */
export interface OrderTransaction extends StoredTransaction {
  readonly detail: TradeOrder;
}

export function isOrder(transaction: StoredTransaction): transaction is OrderTransaction {
  return transaction.detail.type === 'urn:countersign:rar:v1:trade_order';
}

/** Intents of every type are opened and approved; what comes then is not known for others than orders. */
export function lifeUnknown({ detail }: StoredTransaction): CodedError {
  return transactionErrors.error(
    'intent_not_supported',
    `Only trade orders are carried on by events; for ${detail.type} no life is written down.`,
  );
}
