import type { Brand } from '@countersign/kernel';
import { CountryCodes } from 'validator/lib/isISO31661Alpha2.js';
import { accept, type Parsed, refuse } from '../parsed.ts';

export type Country = Brand<string, 'Country'>;

export function parseCountry(text: unknown): Parsed<Country, 'country_unknown'> {
  return typeof text === 'string' && CountryCodes.has(text)
    ? accept(text as Country)
    : refuse('country_unknown', 'The country is not an assigned ISO 3166-1 alpha-2 code in capitals, e.g. DE.');
}
