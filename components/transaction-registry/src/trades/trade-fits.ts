import { transactionErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { Allocation, ClearingSubmission, SettlementInstruction } from '@countersign/market';
import type { StoredTransaction } from '../store/store.ts';
import type { ExecutedTrade } from './executed-trade.ts';

type Following = Pick<StoredTransaction, 'detail' | 'initiatorInstitution'>;

/**
 * Firms, instrument, currency and direction. @returns CodedError `trade_differs`, which names the `field`, or
 * undefined
 */
export function tradeDifference({ detail }: Following, trade: ExecutedTrade): CodedError | undefined {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:allocation':
      return giveUpDifference(detail, trade);
    case 'urn:countersign:rar:v1:clearing_submission':
      return clearingDifference(detail, trade);
    case 'urn:countersign:rar:v1:settlement_instruction':
      return settlementDifference(detail, trade);
    default:
      return undefined;
  }
}

export function mixtureFault(trades: readonly ExecutedTrade[]): CodedError | undefined {
  const [first, ...others] = trades.map(({ detail: { entity_lei, side, instrument } }) =>
    [entity_lei, side, instrument.isin, instrument.upi, instrument.dti].join(' '),
  );
  return others.every((other) => other === first)
    ? undefined
    : differs('trade_ids', 'The trades are not of one instrument, on one side and for one firm.');
}

function giveUpDifference({ giveup_to_lei: to }: Allocation, { parties }: ExecutedTrade): CodedError | undefined {
  return to === undefined || parties.includes(to)
    ? undefined
    : differs('giveup_to_lei', 'The firm that takes the trade up is no party to it.');
}

function clearingDifference({ clearing_firm_lei: firm, ccp_lei: ccp }: ClearingSubmission, { detail }: ExecutedTrade) {
  const of = (role: string) => detail.parties.filter((party) => party.role === role).map(({ lei }) => lei);
  if (!of('ClearingFirm').includes(firm)) return differs('clearing_firm_lei', 'The trade names another clearing firm.');
  const organizations = of('ClearingOrganization');
  return organizations.length === 0 || organizations.includes(ccp)
    ? undefined
    : differs('ccp_lei', 'The trade names another central counterparty.');
}

function settlementDifference(settlement: SettlementInstruction, trade: ExecutedTrade): CodedError | undefined {
  const { deliverer, receiver, entity_lei: entity } = settlement;
  if (!trade.parties.includes(deliverer.lei)) return differs('deliverer', 'Who delivers is no party to the trade.');
  if (!trade.parties.includes(receiver.lei)) return differs('receiver', 'Who receives is no party to the trade.');
  if (deliverer.lei !== entity && receiver.lei !== entity)
    return differs('entity_lei', 'The firm that the settlement is for neither delivers nor receives.');
  return unitDifference(settlement, trade) ?? directionDifference(settlement, trade);
}

function unitDifference({ ccy, dti }: SettlementInstruction, { price, detail }: ExecutedTrade) {
  if (ccy !== undefined)
    return ccy === price.ccy ? undefined : differs('ccy', `The trade was executed in ${price.ccy}.`);
  return dti === detail.instrument.dti ? undefined : differs('dti', 'The trade was in another instrument.');
}

/** The buyer pays money and receives the instrument; the seller does the opposite. */
function directionDifference({ deliverer, receiver, ccy }: SettlementInstruction, { detail }: ExecutedTrade) {
  const dealer = detail.entity_lei;
  if (deliverer.lei === receiver.lei) return undefined;
  const delivers = (detail.side === 'BUY') === (ccy !== undefined);
  const wrongEnd = delivers ? receiver : deliverer;
  return wrongEnd.lei === dealer
    ? differs(
        delivers ? 'receiver' : 'deliverer',
        `In a trade to ${detail.side.toLowerCase()}, ${dealer} ${delivers ? 'delivers' : 'receives'} this.`,
      )
    : undefined;
}

function differs(field: string, detail: string): CodedError {
  return transactionErrors.error('trade_differs', detail, { facts: { field } });
}
