import { type Brand, type DecimalString, parseDecimal } from '@countersign/kernel';
import currencyCodes from 'currency-codes';
import { accept, type Parsed, refuse } from '../parsed.ts';

export type Currency = Brand<string, 'Currency'>;

/** Publication date of the ISO 4217 list in use, `YYYY-MM-DD`. */
export const currencyListDate = currencyCodes.publishDate;

// XTS is reserved for testing and XXX means that no currency is involved. Neither can be owed or paid.
const notMoney = new Set(['XTS', 'XXX']);
// ISO 4217 gives these no minor unit ("N.A."), which is not the same as a minor unit of 0 decimals.
const withoutMinorUnit = new Set(['XAG', 'XAU', 'XBA', 'XBB', 'XBC', 'XBD', 'XDR', 'XPD', 'XPT', 'XSU', 'XUA']);

const active = new Map<string, { readonly name: string; readonly minorUnit: number | undefined }>(
  currencyCodes.data
    .filter(({ code }) => !notMoney.has(code))
    .map(({ code, currency, digits }) => [
      code,
      { name: currency, minorUnit: withoutMinorUnit.has(code) ? undefined : digits },
    ]),
);

export function parseCurrency(text: unknown): Parsed<Currency, 'currency_unknown'> {
  return typeof text === 'string' && active.has(text)
    ? accept(text as Currency)
    : refuse('currency_unknown', 'The currency is not an active ISO 4217 code in capitals, e.g. USD.');
}

export function minorUnitOf(currency: Currency): number | undefined {
  return active.get(currency)?.minorUnit;
}

export function currencyName(currency: Currency): string {
  return active.get(currency)?.name ?? currency;
}

/** Canonical, with no more decimals than the currency has. Prices may be finer. */
export function parseAmount(
  text: unknown,
  currency: Currency,
): Parsed<DecimalString, 'amount_malformed' | 'amount_precision'> {
  const amount = parseDecimal(text);
  if (amount === undefined) return refuse('amount_malformed', amountForm);
  const allowed = minorUnitOf(currency);
  const decimals = amount.split('.')[1]?.length ?? 0;
  if (allowed !== undefined && decimals > allowed)
    return refuse('amount_precision', `${currency} has ${allowed} decimals; the amount has ${decimals}.`);
  return accept(amount);
}

export const amountForm =
  'An amount is a string of digits with at most 18 decimals: no sign, no exponent, no leading or trailing zeros, e.g. "1250000.5".';
