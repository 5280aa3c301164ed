import { unreachable } from '@countersign/kernel';
import { describeCfi } from '../codes/index.ts';
import {
  accountTypeWords,
  capacityWords,
  countryWords,
  directionWords,
  instantWords,
  moneyWords,
  numberWords,
  productWords,
  reportWords,
  settlementEndWords,
  sideWords,
  timeInForceWords,
  typeWords,
} from './describe-words.ts';
import type { Rfq } from './rfq.ts';
import type { TradeOrder } from './trade-order.ts';
import type { AuthorizationDetail } from './types.ts';

/** One decoded field of a detail. Text from outside systems appears only in `value`, never in `label`. */
export interface DescriptionLine {
  readonly label: string;
  readonly value: string;
}

/** Returns every field of a detail exactly once. */
export function fieldsOf(detail: AuthorizationDetail): DescriptionLine[] {
  return [...linesOf(detail), ...commonLines(detail)];
}

function linesOf(detail: AuthorizationDetail): DescriptionLine[] {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:trade_order':
      return orderLines(detail);
    case 'urn:countersign:rar:v1:rfq':
      return [
        ...orderLines(detail),
        ...detail.counterparties_lei.map((lei) => line('Counterparty', `LEI ${lei}`)),
        ...optional('Quote', detail.quote_id),
        ...optional('Quote expires', detail.quote_expiry, instantWords),
      ];
    case 'urn:countersign:rar:v1:allocation':
      return [
        ...detail.trade_ids.map((id) => line('Executed trade', id)),
        ...detail.lines.map(({ account, qty }) => line('Allocation', `${numberWords(qty)} to account ${account}`)),
        ...optional('Give up to', detail.giveup_to_lei, (lei) => `LEI ${lei}`),
      ];
    case 'urn:countersign:rar:v1:clearing_submission':
      return [
        line('Executed trade', detail.trade_id),
        line('Trade (UTI)', detail.uti),
        line('Central counterparty', `LEI ${detail.ccp_lei}`),
        line('Clearing firm', `LEI ${detail.clearing_firm_lei}`),
        line('Account type', `${accountTypeWords[detail.client_account_type]} (${detail.client_account_type})`),
      ];
    case 'urn:countersign:rar:v1:settlement_instruction':
      return [
        line('Executed trade', detail.trade_id),
        line('Trade (UTI)', detail.uti),
        line('Instruction', `number ${detail.sequence} of this trade`),
        line(
          'Amount',
          detail.ccy === undefined
            ? `${numberWords(detail.amount)} of token DTI ${detail.dti ?? ''}`
            : moneyWords(detail.amount, detail.ccy),
        ),
        line('Deliverer', settlementEndWords(detail.deliverer)),
        line('Receiver', settlementEndWords(detail.receiver)),
        line('Place of settlement', detail.place_of_settlement),
        line('Value date', detail.value_date),
        line('Delivery', detail.dvp ? 'only against payment' : 'free of payment'),
        line('Standing instruction version', detail.ssi_version),
      ];
    case 'urn:countersign:rar:v1:collateral_transfer':
      return [
        line('Agreement', detail.agreement_id),
        line('Direction', `${directionWords[detail.direction]} (${detail.direction})`),
        line('Asset', productWords(detail.asset)),
        line('Quantity', numberWords(detail.qty)),
        line('Valuation', detail.valuation_ref),
        ...optional('Margin call', detail.call_id),
      ];
    case 'urn:countersign:rar:v1:address_book_change':
      return [
        ...(detail.asset === undefined ? [] : [line('Asset', productWords(detail.asset))]),
        ...optional('Chain', detail.chain_id),
        ...optional('Address', detail.address),
        ...optional('Memo', detail.memo),
        ...optional('Settlement account', detail.account),
        ...optional('Place of settlement', detail.place_of_settlement),
        line('Beneficiary', `LEI ${detail.beneficiary_lei}`),
        line('Cooling-off until', instantWords(detail.cooling_off_until)),
      ];
    case 'urn:countersign:rar:v1:withdrawal':
      return [
        line('Amount', `${numberWords(detail.amount)} of ${productWords(detail.asset)}`),
        line('To address-book entry', detail.address_id),
        line('Chain', detail.chain_id),
        line('Network', detail.network),
        line('Highest fee', numberWords(detail.max_fee)),
        ...optional('Call data (Keccak-256)', detail.calldata_hash),
      ];
    case 'urn:countersign:rar:v1:regulatory_report':
      return [
        line('Regime', detail.regime),
        line('Trade (UTI)', detail.uti),
        line('Report', `${reportWords[detail.action]} (${detail.action})`),
        line('Trade repository', `LEI ${detail.tr_lei}`),
      ];
    case 'urn:countersign:rar:v1:privileged_admin':
      return [
        line('Target', detail.target),
        line('Operation', detail.operation),
        line('Before (SHA-256)', detail.before_hash ?? 'nothing: it is created'),
        line('After (SHA-256)', detail.after_hash ?? 'nothing: it is removed'),
        line('Ticket', detail.ticket),
      ];
    default:
      return unreachable(detail);
  }
}

function orderLines(order: TradeOrder | Rfq): DescriptionLine[] {
  return [
    line('Side', sideWords[order.side]),
    line('Quantity', `at most ${numberWords(order.max_qty)}`),
    line('Instrument', productWords(order.instrument)),
    line('Class', `${describeCfi(order.instrument.cfi)} (CFI ${order.instrument.cfi})`),
    line('Venue', `MIC ${order.venue_mic}`),
    line('Account', order.account),
    line(
      'Limit price',
      order.limit_price === undefined ? 'none: at market' : moneyWords(order.limit_price.amount, order.limit_price.ccy),
    ),
    line('Notional', `at most ${moneyWords(order.max_notional.amount, order.max_notional.ccy)}`),
    line('Time in force', `${timeInForceWords[order.tif]} (${order.tif})`),
    line('Capacity', `${capacityWords[order.capacity]} (${order.capacity})`),
    ...order.parties.map(({ role, lei }) => line(role, `LEI ${lei}`)),
    ...algoLines(order.algo),
    line('Client order id', order.client_order_id),
  ];
}

function algoLines(algo: TradeOrder['algo']): DescriptionLine[] {
  if (algo === undefined) return [line('Algorithm', 'none')];
  return [
    line('Algorithm', `${algo.model_id}, version ${algo.version}`),
    line('Algorithm artefact (SHA-256)', algo.artifact_sha256),
    ...optional('Algorithm certificate', algo.cert_id),
  ];
}

function commonLines(detail: AuthorizationDetail): DescriptionLine[] {
  return [
    line('Kind of intent', `${typeWords[detail.type]} (${detail.type})`),
    line('Acting for', `LEI ${detail.entity_lei}`),
    line('Jurisdiction', countryWords(detail.jurisdiction)),
    line('Mandate', detail.mandate_id),
    line('Not after', instantWords(detail.not_after)),
    line('Actions', detail.actions.join(', ')),
    line('At', detail.locations.join(', ')),
    line('Idempotency key', detail.idempotency_key),
  ];
}

function line(label: string, value: string): DescriptionLine {
  return { label, value };
}

function optional<Value extends string>(
  label: string,
  value: Value | undefined,
  words: (value: Value) => string = (text) => text,
): DescriptionLine[] {
  return value === undefined ? [] : [line(label, words(value))];
}
