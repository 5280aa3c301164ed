import type { TransactionId } from '@countersign/kernel';
import { broker, clearer, custodian, venue } from '../../../consent-store/src/testing/firms.ts';

type Members = Readonly<Record<string, unknown>>;

/** Kinds of intents that follow an executed trade. */
export const followsTrade: readonly string[] = ['allocation', 'clearing_submission', 'settlement_instruction'];

/** The members by which an intent refers to its trade: an order of the broker, 800 executed at 119.5 EUR. */
export function ofTrade(kind: string, trade: TransactionId): Members {
  switch (kind) {
    case 'allocation': {
      const lines = [
        { account: 'FUND-A', qty: '500' },
        { account: 'FUND-B', qty: '300' },
      ];
      return { trade_ids: [trade], lines, giveup_to_lei: clearer };
    }
    case 'clearing_submission':
      return { trade_id: trade, ccp_lei: venue, clearing_firm_lei: clearer };
    case 'settlement_instruction':
      return {
        trade_id: trade,
        amount: '95600',
        ccy: 'EUR',
        deliverer: { lei: broker, account: 'CASH-1' },
        receiver: { lei: custodian, account: 'CASH-9' },
      };
    default:
      return {};
  }
}
