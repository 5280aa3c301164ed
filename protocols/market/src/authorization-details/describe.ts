import { type DecimalString, parseInstant, toInstant, unreachable } from '@countersign/kernel';
import { type Currency, currencyName } from '../codes/currency.ts';
import { type Country, describeCfi } from '../codes/index.ts';
import type { AccountType } from '../roles.ts';
import type { CollateralTransfer } from './collateral-transfer.ts';
import type { RegulatoryReport } from './regulatory-report.ts';
import type { Rfq } from './rfq.ts';
import type { Capacity, Side, TimeInForce, TradeOrder } from './trade-order.ts';
import type { AuthorizationDetail } from './types.ts';

export interface DescriptionLine {
  readonly label: string;
  readonly value: string;
}
export interface Description {
  readonly title: string;
  readonly lines: readonly DescriptionLine[];
}

/**
 * An authorization detail in plain words, for the person who is to approve it. Every field is shown: what is
 * signed is what is seen, so no two details that differ read the same (instants apart, which are shown in UTC
 * whatever offset they were written with). Made from the detail alone, never from what a client says of it.
 */
export function describeAuthorizationDetail(detail: AuthorizationDetail): Description {
  return { title: titleOf(detail), lines: [...linesOf(detail), ...commonLines(detail)] };
}

function titleOf(detail: AuthorizationDetail): string {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:trade_order':
      return `${sideWords[detail.side]} up to ${number(detail.max_qty)} of ${product(detail.instrument)} on ${detail.venue_mic}`;
    case 'urn:countersign:rar:v1:rfq':
      return `Request quotes to ${sideWords[detail.side].toLowerCase()} up to ${number(detail.max_qty)} of ${product(detail.instrument)}`;
    case 'urn:countersign:rar:v1:allocation':
      return `Allocate ${detail.execution_ids.length} execution(s) to ${detail.lines.length} account(s)`;
    case 'urn:countersign:rar:v1:clearing_submission':
      return `Clear trade ${detail.uti}`;
    case 'urn:countersign:rar:v1:settlement_instruction':
      return `Settle ${number(detail.amount)} ${detail.ccy ?? detail.dti ?? ''} on ${detail.value_date}`;
    case 'urn:countersign:rar:v1:collateral_transfer':
      return `${directionWords[detail.direction]}: ${number(detail.qty)} of ${product(detail.asset)}`;
    case 'urn:countersign:rar:v1:address_book_change':
      return `Change the address book: ${detail.address}`;
    case 'urn:countersign:rar:v1:withdrawal':
      return `Withdraw ${number(detail.amount)} of ${product(detail.asset)} to ${detail.address_id}`;
    case 'urn:countersign:rar:v1:regulatory_report':
      return `Report under ${detail.regime}: ${reportWords[detail.action]}`;
    case 'urn:countersign:rar:v1:privileged_admin':
      return `Administrative change: ${detail.operation} on ${detail.target}`;
    default:
      return unreachable(detail);
  }
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
        ...optional('Quote expires', detail.quote_expiry, instant),
      ];
    case 'urn:countersign:rar:v1:allocation':
      return [
        ...detail.execution_ids.map((id) => line('Execution', id)),
        ...detail.lines.map(({ account, qty }) => line(`Account ${account}`, number(qty))),
        ...optional('Give up to', detail.giveup_to_lei, (lei) => `LEI ${lei}`),
      ];
    case 'urn:countersign:rar:v1:clearing_submission':
      return [
        line('Trade (UTI)', detail.uti),
        line('Central counterparty', `LEI ${detail.ccp_lei}`),
        line('Clearing firm', `LEI ${detail.clearing_firm_lei}`),
        line('Account type', accountTypeWords[detail.client_account_type]),
      ];
    case 'urn:countersign:rar:v1:settlement_instruction':
      return [
        line('Trade (UTI)', detail.uti),
        line('Instruction', `number ${detail.sequence} of this trade`),
        line(
          'Amount',
          detail.ccy === undefined
            ? `${number(detail.amount)} of token DTI ${detail.dti ?? ''}`
            : money(detail.amount, detail.ccy),
        ),
        line('Deliverer', settlementEnd(detail.deliverer)),
        line('Receiver', settlementEnd(detail.receiver)),
        line('Place of settlement', detail.place_of_settlement),
        line('Value date', detail.value_date),
        line('Delivery', detail.dvp ? 'only against payment' : 'free of payment'),
        line('Standing instruction version', detail.ssi_version),
      ];
    case 'urn:countersign:rar:v1:collateral_transfer':
      return [
        line('Agreement', detail.agreement_id),
        line('Direction', directionWords[detail.direction]),
        line('Asset', product(detail.asset)),
        line('Quantity', number(detail.qty)),
        line('Valuation', detail.valuation_ref),
        ...optional('Margin call', detail.call_id),
      ];
    case 'urn:countersign:rar:v1:address_book_change':
      return [
        line('Asset', product(detail.asset)),
        line('Chain', detail.chain_id),
        line('Address', detail.address),
        ...optional('Memo', detail.memo),
        line('Beneficiary', `LEI ${detail.beneficiary_lei}`),
        line('Cooling-off until', instant(detail.cooling_off_until)),
      ];
    case 'urn:countersign:rar:v1:withdrawal':
      return [
        line('Amount', `${number(detail.amount)} of ${product(detail.asset)}`),
        line('To address-book entry', detail.address_id),
        line('Chain', detail.chain_id),
        line('Network', detail.network),
        line('Highest fee', number(detail.max_fee)),
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
    line('Quantity', `at most ${number(order.max_qty)}`),
    line('Instrument', product(order.instrument)),
    line('Class', `${describeCfi(order.instrument.cfi)} (CFI ${order.instrument.cfi})`),
    line('Venue', `MIC ${order.venue_mic}`),
    line('Account', order.account),
    line(
      'Limit price',
      order.limit_price === undefined ? 'none: at market' : money(order.limit_price.amount, order.limit_price.ccy),
    ),
    line('Notional', `at most ${money(order.max_notional.amount, order.max_notional.ccy)}`),
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
    line('Acting for', `LEI ${detail.entity_lei}`),
    line('Jurisdiction', countryWords(detail.jurisdiction)),
    line('Mandate', detail.mandate_id),
    line('Not after', instant(detail.not_after)),
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

/** Digits in groups of three: a zero too many must catch the eye. */
function number(amount: DecimalString): string {
  const [whole = '0', fraction] = amount.split('.');
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

function money(amount: DecimalString, ccy: Currency): string {
  return `${number(amount)} ${ccy} (${currencyName(ccy)})`;
}

function product(named: {
  readonly isin?: string;
  readonly upi?: string;
  readonly dti?: string;
  readonly ccy?: Currency;
}): string {
  if (named.isin !== undefined) return `ISIN ${named.isin}`;
  if (named.upi !== undefined) return `UPI ${named.upi}`;
  if (named.dti !== undefined) return `token DTI ${named.dti}`;
  return named.ccy === undefined ? 'nothing' : `${named.ccy} (${currencyName(named.ccy)})`;
}

function settlementEnd(end: { readonly lei: string; readonly account?: string; readonly address?: string }): string {
  return `LEI ${end.lei}, ${end.account === undefined ? `address ${end.address ?? ''}` : `account ${end.account}`}`;
}

function instant(text: string): string {
  const at = parseInstant(text);
  return at === undefined ? text : toInstant(at).replace('T', ' ').replace('.000Z', ' UTC').replace('Z', ' UTC');
}

const regions = new Intl.DisplayNames('en', { type: 'region' });

function countryWords(country: Country): string {
  return `${regions.of(country) ?? country} (${country})`;
}

const sideWords: Readonly<Record<Side, string>> = { BUY: 'Buy', SELL: 'Sell' };

const timeInForceWords: Readonly<Record<TimeInForce, string>> = {
  DAY: 'this trading day',
  GTC: 'until cancelled',
  OPG: 'at the opening',
  IOC: 'at once, the rest is cancelled',
  FOK: 'at once and in full, or not at all',
  GTD: 'until a date',
  ATC: 'at the close',
};

const capacityWords: Readonly<Record<Capacity, string>> = {
  DEAL: 'on own account',
  MTCH: 'matched principal',
  AOTC: 'for a client, as agent',
};

const directionWords: Readonly<Record<CollateralTransfer['direction'], string>> = {
  DELIVER: 'Deliver collateral',
  RETURN: 'Take collateral back',
};

const accountTypeWords: Readonly<Record<AccountType, string>> = {
  House: "house: the firm's own",
  Client: 'client: of one client',
  AggregateClient: 'aggregate client: of several clients together',
};

const reportWords: Readonly<Record<RegulatoryReport['action'], string>> = {
  NEWT: 'new trade',
  MODI: 'modification',
  CORR: 'correction',
  TERM: 'termination',
  EROR: 'reported in error',
  REVI: 'revival',
  VALU: 'valuation',
  MARU: 'margin update',
  POSC: 'position component',
  PRTO: 'transfer to another repository',
};
