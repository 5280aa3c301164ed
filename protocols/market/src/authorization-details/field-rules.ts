import { compareDecimals, parseDecimal, parseDigest, parseId, zero } from '@countersign/kernel';
import { parseCalendarDate, parseDateTime } from '../calendar.ts';
import {
  amountForm,
  parseBic,
  parseCfi,
  parseCountry,
  parseCurrency,
  parseDti,
  parseIsin,
  parseLei,
  parseMic,
  parseUpi,
  parseUti,
} from '../codes/index.ts';
import { accept, type Parsed, refuse } from '../parsed.ts';
import type { FieldRules } from '../shape.ts';

/** The rules for each field of an authorization detail beyond its shape; see {@link FieldRules}. */
export const fieldRules: FieldRules = {
  entity_lei: parseLei,
  lei: parseLei,
  counterparties_lei: parseLei,
  giveup_to_lei: parseLei,
  ccp_lei: parseLei,
  clearing_firm_lei: parseLei,
  beneficiary_lei: parseLei,
  tr_lei: parseLei,
  mandate_id: (value) =>
    parseId('mandate', value) === undefined
      ? refuse('mandate_id_malformed', 'A mandate is named by its id, mnd_ and 26 characters.')
      : accept(value),
  trade_id: parseTradeId,
  trade_ids: parseTradeId,
  locations: parseResourceUri,
  not_after: parseDateTime,
  quote_expiry: parseDateTime,
  cooling_off_until: parseDateTime,
  value_date: parseCalendarDate,
  jurisdiction: parseCountry,
  venue_mic: parseMic,
  isin: parseIsin,
  upi: parseUpi,
  dti: parseDti,
  cfi: parseCfi,
  uti: parseUti,
  ccy: parseCurrency,
  amount: parseDecimalText,
  max_fee: parseDecimalText,
  max_qty: parseQuantity,
  qty: parseQuantity,
  before_hash: parseHash,
  after_hash: parseHash,
  place_of_settlement: parsePlaceOfSettlement,
};

/** An absolute URI without fragment (RFC 8707 section 2). It is compared as text and therefore never normalised. */
export function parseResourceUri(value: unknown): Parsed<string, 'location_malformed'> {
  return typeof value === 'string' && /^[\x21-\x7e]{1,512}$/.test(value) && !value.includes('#') && URL.canParse(value)
    ? accept(value)
    : refuse(
        'location_malformed',
        'A location is an absolute URI of at most 512 characters without fragment (RFC 8707).',
      );
}

export function parseDecimalText(value: unknown) {
  const amount = parseDecimal(value);
  return amount === undefined ? refuse('amount_malformed', amountForm) : accept(amount);
}

export function parseQuantity(value: unknown) {
  const quantity = parseDecimal(value);
  if (quantity === undefined) return refuse('quantity_malformed', amountForm.replace('An amount', 'A quantity'));
  return compareDecimals(quantity, zero) > 0 ? accept(quantity) : refuse('quantity_zero', 'A quantity is above zero.');
}

function parseHash(value: unknown): Parsed<string, 'hash_malformed'> {
  const digest = parseDigest(value);
  return digest === undefined
    ? refuse('hash_malformed', 'A hash is a SHA-256 in base64url, 43 characters.')
    : accept(digest);
}

function parseTradeId(value: unknown): Parsed<string, 'trade_id_malformed'> {
  const id = parseId('transaction', value);
  return id === undefined
    ? refuse('trade_id_malformed', 'A trade is named by the id of its transaction, txn_ and 26 characters.')
    : accept(id);
}

const chain = /^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$/;

function parsePlaceOfSettlement(value: unknown): Parsed<string, 'place_of_settlement_malformed'> {
  return typeof value === 'string' && (parseBic(value).ok || parseLei(value).ok || chain.test(value))
    ? accept(value)
    : refuse('place_of_settlement_malformed', 'A place of settlement is a BIC, an LEI or a CAIP-2 chain id.');
}
