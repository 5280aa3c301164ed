import { compareDecimals, type DecimalString, parseDecimal } from '@countersign/kernel';
import {
  type Currency,
  type Mic,
  parseCfi,
  parseCurrency,
  parseDti,
  parseIsin,
  parseMic,
  parseUpi,
} from '@countersign/market';
import { Type } from 'typebox';
import { ownerless } from '../entry.ts';
import type { Place } from '../problems.ts';
import { entityReader } from './fields/entity-reader.ts';
import { code, readInstant, readName, strict } from './fields/fields.ts';

const source = Type.String({ minLength: 1, maxLength: 200, description: 'Who says so.' });

export const instrumentReader = entityReader({
  kind: 'instrument',
  list: 'instruments',
  schema: Type.Object(
    {
      id: Type.String({ ...code, description: 'ISIN, UPI or DTI' }),
      cfi: Type.String({ ...code, description: 'ISO 10962' }),
      currency: Type.String({ ...code, description: 'ISO 4217: of its price' }),
      venues: Type.Optional(
        Type.Array(code, {
          maxItems: 256,
          uniqueItems: true,
          description: 'MICs where it may be dealt; over the counter alone (XOFF, XXXX) when empty or left out.',
        }),
      ),
      complex: Type.Boolean({ description: 'Not a plain product (MiFID II Article 25(4)).' }),
      target_market: Type.Array(Type.Enum(['retail', 'professional', 'eligible-counterparty']), {
        uniqueItems: true,
        description: 'Categories of clients that it may be sold to.',
      }),
      price_multiplier: Type.Optional(
        Type.String({
          ...code,
          description:
            'Quantity times price times this is the notional: the size of a contract. At least 1, which it is when left out.',
        }),
      ),
      source,
      as_of: Type.String({ format: 'date-time' }),
    },
    strict,
  ),
  read(document, place) {
    const id = readInstrumentId(document.id, place.at('id'));
    const cfi = place.at('cfi').take(parseCfi(document.cfi));
    const currency = place.at('currency').take(parseCurrency(document.currency));
    const venues = (document.venues ?? []).map((mic, index) => place.at('venues', index).take(parseMic(mic)));
    const priceMultiplier = readMultiplier(document.price_multiplier ?? '1', place.at('price_multiplier'));
    const from = readName(document.source, place.at('source'));
    const asOf = readInstant(document.as_of, place.at('as_of'));
    const known = venues.filter((mic): mic is Mic => mic !== undefined);
    if (
      id === undefined ||
      cfi === undefined ||
      currency === undefined ||
      known.length < venues.length ||
      priceMultiplier === undefined ||
      from === undefined ||
      asOf === undefined
    )
      return undefined;
    const { complex, target_market: targetMarket } = document;
    const value = { id, cfi, currency, venues: known, complex, targetMarket, priceMultiplier, source: from, asOf };
    return { id, owner: ownerless, entity: { kind: 'instrument', value } };
  },
});

export const rateReader = entityReader({
  kind: 'rate',
  list: 'rates',
  schema: Type.Object(
    {
      currency: Type.String({ ...code, description: 'ISO 4217' }),
      base: Type.String({ ...code, description: 'ISO 4217: the base currency of the installation' }),
      rate: Type.String({ ...code, description: 'What one unit of the currency is worth in the base currency' }),
      source,
      as_of: Type.String({ format: 'date-time', description: 'When it was fixed.' }),
      anchor: Type.Optional(
        Type.String({
          ...code,
          description:
            'The highest rate since a second person last approved a lower one. Set by the directory; a value written here is replaced.',
        }),
      ),
    },
    strict,
  ),
  read(document, place) {
    const currency = readCurrency(document.currency, place.at('currency'));
    const base = readCurrency(document.base, place.at('base'));
    const rate = readPositive(document.rate, place.at('rate'));
    const anchor = readPositive(document.anchor ?? document.rate, place.at('anchor'));
    const from = readName(document.source, place.at('source'));
    const asOf = readInstant(document.as_of, place.at('as_of'));
    if (
      currency === undefined ||
      base === undefined ||
      rate === undefined ||
      anchor === undefined ||
      from === undefined ||
      asOf === undefined
    )
      return undefined;
    if (currency === base) return place.at('base').report('directory_file_invalid', 'The base currency needs no rate.');
    const id = `${currency}/${base}`;
    return {
      id,
      owner: ownerless,
      entity: { kind: 'rate', value: { id, currency, base, rate, anchor, source: from, asOf } },
    };
  },
});

function readInstrumentId(text: string, place: Place): string | undefined {
  if (parseIsin(text).ok || parseUpi(text).ok || parseDti(text).ok) return text;
  return place.report(
    'directory_file_invalid',
    'An instrument is named by its ISIN (ISO 6166), UPI (ISO 4914) or DTI (ISO 24165).',
  );
}

/** A value below 1 would make the executed and settled amount larger than the ordered one. */
function readMultiplier(text: string, place: Place): DecimalString | undefined {
  const multiplier = readPositive(text, place);
  if (multiplier === undefined || compareDecimals(multiplier, one) >= 0) return multiplier;
  return place.report(
    'directory_file_invalid',
    'A multiplier must be at least 1: prices are per unit of the quantity.',
  );
}

// A valid decimal.
const one = '1' as DecimalString;

function readCurrency(text: string, place: Place): Currency | undefined {
  return place.take(parseCurrency(text));
}

function readPositive(text: string, place: Place): DecimalString | undefined {
  const decimal = parseDecimal(text);
  if (decimal !== undefined && /[1-9]/.test(decimal)) return decimal;
  return place.report('directory_file_invalid', 'A number must be above zero with at most 18 decimals, e.g. "0.0061".');
}
