import type { Brand } from '@countersign/kernel';
import { accept, type Parsed, refuse } from '../parsed.ts';

export type Cfi = Brand<string, 'Cfi'>;

/** ISO 10962:2021: the first letter, then the second. Mandates constrain the four attribute letters by prefix. */
const categories: Readonly<
  Record<string, { readonly name: string; readonly groups: Readonly<Record<string, string>> }>
> = {
  E: {
    name: 'Equities',
    groups: {
      S: 'common shares',
      P: 'preferred shares',
      C: 'common convertible shares',
      F: 'preferred convertible shares',
      L: 'limited partnership units',
      D: 'depositary receipts on equities',
      Y: 'structured instruments (participation)',
      M: 'other equities',
    },
  },
  C: {
    name: 'Collective investment vehicles',
    groups: {
      I: 'standard investment funds',
      H: 'hedge funds',
      B: 'real estate investment trusts',
      E: 'exchange traded funds',
      S: 'pension funds',
      F: 'funds of funds',
      P: 'private equity funds',
      M: 'other collective investment vehicles',
    },
  },
  D: {
    name: 'Debt instruments',
    groups: {
      B: 'bonds',
      C: 'convertible bonds',
      W: 'bonds with warrants attached',
      T: 'medium-term notes',
      Y: 'money market instruments',
      S: 'structured instruments (capital protection)',
      E: 'structured instruments (without capital protection)',
      G: 'mortgage-backed securities',
      A: 'asset-backed securities',
      N: 'municipal bonds',
      D: 'depositary receipts on debt instruments',
      M: 'other debt instruments',
    },
  },
  R: {
    name: 'Entitlements (rights)',
    groups: {
      A: 'allotment rights',
      S: 'subscription rights',
      P: 'purchase rights',
      W: 'warrants',
      F: 'mini-future certificates',
      D: 'depositary receipts on entitlements',
      M: 'other entitlements',
    },
  },
  O: { name: 'Listed options', groups: { C: 'call options', P: 'put options', M: 'other listed options' } },
  F: { name: 'Futures', groups: { F: 'financial futures', C: 'commodity futures' } },
  S: {
    name: 'Swaps',
    groups: { R: 'rates', T: 'commodities', E: 'equity', C: 'credit', F: 'foreign exchange', M: 'other swaps' },
  },
  H: {
    name: 'Non-listed and complex listed options',
    groups: { R: 'rates', T: 'commodities', E: 'equity', C: 'credit', F: 'foreign exchange', M: 'other options' },
  },
  I: { name: 'Spot', groups: { F: 'foreign exchange', T: 'commodities' } },
  J: {
    name: 'Forwards',
    groups: { E: 'equity', F: 'foreign exchange', C: 'credit', R: 'rates', T: 'commodities' },
  },
  K: {
    name: 'Strategies',
    groups: {
      R: 'rates',
      T: 'commodities',
      E: 'equity',
      C: 'credit',
      F: 'foreign exchange',
      Y: 'mixed assets',
      M: 'other strategies',
    },
  },
  L: { name: 'Financing', groups: { L: 'loan lease', R: 'repurchase agreements', S: 'securities lending' } },
  T: {
    name: 'Referential instruments',
    groups: {
      C: 'currencies',
      T: 'commodities',
      R: 'interest rates',
      I: 'indices',
      B: 'baskets',
      D: 'stock dividends',
      M: 'other referential instruments',
    },
  },
  M: { name: 'Miscellaneous', groups: { C: 'combined instruments', M: 'other assets' } },
};

export function parseCfi(text: unknown): Parsed<Cfi, 'cfi_malformed' | 'cfi_category'> {
  if (typeof text !== 'string' || !/^[A-Z]{6}$/.test(text))
    return refuse('cfi_malformed', 'A CFI is 6 capital letters (ISO 10962).');
  if (!isCfiPrefix(text)) return refuse('cfi_category', unknownGroup(text));
  return accept(text as Cfi);
}

/** True for 1 to 6 letters that begin at least one CFI. */
export function isCfiPrefix(prefix: string): boolean {
  if (!/^[A-Z]{1,6}$/.test(prefix)) return false;
  const category = Object.hasOwn(categories, prefix.charAt(0)) ? categories[prefix.charAt(0)] : undefined;
  return category !== undefined && (prefix.length === 1 || Object.hasOwn(category.groups, prefix.charAt(1)));
}

const attributeLetters = [...'XABCDEFGHIJKLMNOPQRSTUVWYZ'];

/** For an attribute, X comes first: ISO 10962 uses it for "not applicable or undefined". */
export function lettersAfter(prefix: string): readonly string[] {
  if (prefix.length === 0) return Object.keys(categories);
  if (prefix.length === 1) return Object.keys(categories[prefix]?.groups ?? {});
  return prefix.length < 6 ? attributeLetters : [];
}

/** Category and group in words, e.g. `Equities, common shares`. */
export function describeCfi(cfi: Cfi): string {
  const category = categories[cfi.charAt(0)];
  return `${category?.name ?? 'unknown'}, ${category?.groups[cfi.charAt(1)] ?? 'unknown'}`;
}

function unknownGroup(text: string): string {
  return isCfiPrefix(text.charAt(0))
    ? `ISO 10962 has no group ${text.charAt(1)} in category ${text.charAt(0)}.`
    : `ISO 10962 has no category ${text.charAt(0)}; the first letter is one of ${Object.keys(categories).join('')}.`;
}
