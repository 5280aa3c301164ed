import { type DecimalString, parseInstant, toInstant } from '@countersign/kernel';
import type { Country } from '../codes/index.ts';
import { type Currency, currencyName } from '../codes/index.ts';
import type { AccountType } from '../roles.ts';
import type { CollateralTransfer } from './collateral-transfer.ts';
import type { RegulatoryReport } from './regulatory-report.ts';
import type { Capacity, Side, TimeInForce } from './trade-order.ts';
import type { AuthorizationDetailType } from './types.ts';

/** Groups digits by three so that an extra zero is noticed. */
export function numberWords(amount: DecimalString): string {
  const [whole = '0', fraction] = amount.split('.');
  const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, ',');
  return fraction === undefined ? grouped : `${grouped}.${fraction}`;
}

export function moneyWords(amount: DecimalString, ccy: Currency): string {
  return `${numberWords(amount)} ${ccy} (${currencyName(ccy)})`;
}

interface Product {
  readonly isin?: string | undefined;
  readonly upi?: string | undefined;
  readonly dti?: string | undefined;
  readonly ccy?: Currency | undefined;
}

export function productWords(named: Product): string {
  if (named.isin !== undefined) return `ISIN ${named.isin}`;
  if (named.upi !== undefined) return `UPI ${named.upi}`;
  if (named.dti !== undefined) return `token DTI ${named.dti}`;
  return named.ccy === undefined ? 'nothing' : `${named.ccy} (${currencyName(named.ccy)})`;
}

/** An amount with its unit: `250,000 EUR`, `12.5 of token DTI X9J9K872S`. */
export function amountOf(amount: DecimalString, named: Product): string {
  return named.ccy === undefined
    ? `${numberWords(amount)} of ${productWords(named)}`
    : `${numberWords(amount)} ${named.ccy}`;
}

export function settlementEndWords(end: {
  readonly lei: string;
  readonly account?: string;
  readonly address?: string;
}): string {
  return `LEI ${end.lei}, ${end.account === undefined ? `address ${end.address ?? ''}` : `account ${end.account}`}`;
}

export function instantWords(text: string): string {
  const at = parseInstant(text);
  return at === undefined ? text : toInstant(at).replace('T', ' ').replace('.000Z', ' UTC').replace('Z', ' UTC');
}

const regions = new Intl.DisplayNames('en', { type: 'region' });

export function countryWords(country: Country): string {
  return `${regions.of(country) ?? country} (${country})`;
}

export function count(many: number, one: string): string {
  return `${many} ${one}${many === 1 ? '' : 's'}`;
}

export const typeWords: Readonly<Record<AuthorizationDetailType, string>> = {
  'urn:countersign:rar:v1:trade_order': 'Order',
  'urn:countersign:rar:v1:rfq': 'Request for quotes',
  'urn:countersign:rar:v1:allocation': 'Allocation',
  'urn:countersign:rar:v1:clearing_submission': 'Submission for clearing',
  'urn:countersign:rar:v1:settlement_instruction': 'Settlement instruction',
  'urn:countersign:rar:v1:collateral_transfer': 'Collateral transfer',
  'urn:countersign:rar:v1:address_book_change': 'Change of the address book',
  'urn:countersign:rar:v1:withdrawal': 'Withdrawal',
  'urn:countersign:rar:v1:regulatory_report': 'Regulatory report',
  'urn:countersign:rar:v1:privileged_admin': 'Administrative change',
};

export const sideWords: Readonly<Record<Side, string>> = { BUY: 'Buy', SELL: 'Sell' };

export const timeInForceWords: Readonly<Record<TimeInForce, string>> = {
  DAY: 'this trading day',
  GTC: 'until cancelled',
  OPG: 'at the opening',
  IOC: 'at once, the rest is cancelled',
  FOK: 'at once and in full, or not at all',
  GTD: 'until a date',
  ATC: 'at the close',
};

export const capacityWords: Readonly<Record<Capacity, string>> = {
  DEAL: 'on own account',
  MTCH: 'matched principal',
  AOTC: 'for a client, as agent',
};

export const directionWords: Readonly<Record<CollateralTransfer['direction'], string>> = {
  DELIVER: 'Deliver collateral',
  RETURN: 'Take collateral back',
};

export const accountTypeWords: Readonly<Record<AccountType, string>> = {
  House: "the firm's own",
  Client: "one client's",
  AggregateClient: "several clients' together",
};

export const reportWords: Readonly<Record<RegulatoryReport['action'], string>> = {
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
