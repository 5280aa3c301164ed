import type { Brand } from '@countersign/kernel';
import isIsin from 'validator/lib/isISIN.js';
import { accept, type Parsed, refuse } from '../parsed.ts';

export type Isin = Brand<string, 'Isin'>;

const pattern = /^[A-Z]{2}[0-9A-Z]{9}[0-9]$/;

export function parseIsin(text: unknown): Parsed<Isin, 'isin_malformed' | 'isin_check_digit'> {
  if (typeof text !== 'string' || !pattern.test(text))
    return refuse(
      'isin_malformed',
      'An ISIN is 2 capital letters, 9 capital letters and digits, and 1 digit (ISO 6166).',
    );
  if (!isIsin(text))
    return refuse('isin_check_digit', `${text} fails its check digit (ISO 6166): a character is mistyped.`);
  return accept(text as Isin);
}
