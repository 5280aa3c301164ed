import type { TransactionState } from '@countersign/contracts';
import type { DecimalString, RecordId, TransactionId } from '@countersign/kernel';
import type { Lei, Rfq, TradeOrder } from '@countersign/market';
import { lifeCycleOf } from '../life-cycles/index.ts';
import type { StoredTransaction, StoredTransition } from '../store/store.ts';
import { type Money, parseTransitionBody } from '../transition-body.ts';

export interface ExecutedTrade {
  readonly id: TransactionId;
  readonly detail: TradeOrder | Rfq;
  readonly state: TransactionState;
  /** The dealing firm, its client, the firms that the order lists and, after a request for quotes, the chosen counterparty. */
  readonly parties: readonly string[];
  readonly quantity: DecimalString;
  readonly price: Money;
  readonly recordId: RecordId;
}

/** @returns undefined if the transaction is not a trade or has no execution */
export function executedTradeOf(
  { id, detail, state, initiatorInstitution }: StoredTransaction,
  past: readonly StoredTransition[],
): ExecutedTrade | undefined {
  if (!('max_notional' in detail)) return undefined;
  const { name } = lifeCycleOf(detail);
  const said = past.map((step) => ({ ...step, said: parseTransitionBody(name, step.event, step.body) }));
  const parties = [initiatorInstitution, detail.entity_lei, ...detail.parties.map(({ lei }) => lei)];
  for (const { said: body, recordId } of said) {
    if (body.kind === 'execution')
      return { id, detail, state, parties, quantity: body.executedQty, price: body.price, recordId };
    if (body.kind !== 'deal') continue;
    const price = quotedPrice(said, body.quoteId, body.counterparty);
    if (price === undefined) return undefined;
    return { id, detail, state, parties: [...parties, body.counterparty], quantity: detail.max_qty, price, recordId };
  }
  return undefined;
}

/** The newest quote with this id by that firm, as in `dealFault`. */
function quotedPrice(
  said: readonly { readonly institution: string; readonly said: ReturnType<typeof parseTransitionBody> }[],
  quoteId: string,
  counterparty: Lei,
): Money | undefined {
  for (const { said: body, institution } of said.toReversed())
    if (body.kind === 'quote' && body.quoteId === quoteId && institution === counterparty) return body.price;
  return undefined;
}
