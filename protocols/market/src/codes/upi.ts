import type { Brand } from '@countersign/kernel';
import { accept, type Parsed, refuse } from '../parsed.ts';
import { characterClass, hasCheckCharacter } from './mod-31-30.ts';

export type Upi = Brand<string, 'Upi'>;

const pattern = new RegExp(`^QZ[${characterClass}]{10}$`);

export function parseUpi(text: unknown): Parsed<Upi, 'upi_malformed' | 'upi_check_character'> {
  if (typeof text !== 'string' || !pattern.test(text))
    return refuse('upi_malformed', 'A UPI is QZ and 10 digits and capital letters without vowels and Y (ISO 4914).');
  if (!hasCheckCharacter(text))
    return refuse('upi_check_character', `${text} fails its check character (ISO 4914): a character is mistyped.`);
  return accept(text as Upi);
}
