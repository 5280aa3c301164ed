import type { Brand } from '@countersign/kernel';
import { accept, type Parsed, refuse } from '../parsed.ts';
import { parseCountry } from './country.ts';

export type Bic = Brand<string, 'Bic'>;

const pattern = /^[0-9A-Z]{4}([A-Z]{2})[0-9A-Z]{2}(?:[0-9A-Z]{3})?$/;

export function parseBic(text: unknown): Parsed<Bic, 'bic_malformed' | 'bic_country'> {
  const country = typeof text === 'string' ? pattern.exec(text)?.[1] : undefined;
  if (country === undefined) return refuse('bic_malformed', 'A BIC is 8 or 11 capital letters and digits (ISO 9362).');
  // XK stands for Kosovo in BICs, though ISO 3166-1 has not assigned it.
  if (country !== 'XK' && !parseCountry(country).ok)
    return refuse('bic_country', `The BIC names no country: ${country}.`);
  return accept(text as Bic);
}
