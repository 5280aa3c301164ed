import type { TransactionId } from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';

/** What an intent does with executed trades; uses of one kind share what was executed. */
export type TradeUseKind = 'allocation' | 'clearing' | 'settlement';

export interface NamedTrades {
  readonly kind: TradeUseKind;
  readonly ids: readonly TransactionId[];
}

/** The executed trades that an intent names. @returns undefined for an intent that follows no trade */
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
