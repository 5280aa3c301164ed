import type { Brand } from '@countersign/kernel';
import { accept, type Parsed, refuse } from '../parsed.ts';
import { parseLei } from './lei.ts';

export type Uti = Brand<string, 'Uti'>;

const pattern = /^[0-9A-Z]{21,52}$/;

export function parseUti(text: unknown): Parsed<Uti, 'uti_malformed' | 'uti_lei'> {
  if (typeof text !== 'string' || !pattern.test(text))
    return refuse(
      'uti_malformed',
      'A UTI is an LEI and 1 to 32 capital letters and digits, at most 52 in all (ISO 23897).',
    );
  if (!parseLei(text.slice(0, 20)).ok) return refuse('uti_lei', 'The UTI does not begin with a valid LEI (ISO 23897).');
  return accept(text as Uti);
}
