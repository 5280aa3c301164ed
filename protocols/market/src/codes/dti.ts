import type { Brand } from '@countersign/kernel';
import { accept, type Parsed, refuse } from '../parsed.ts';
import { characterClass, hasCheckCharacter } from './mod-31-30.ts';

export type Dti = Brand<string, 'Dti'>;

const pattern = new RegExp(`^(?!0)[${characterClass}]{9}$`);

// Bitcoin's identifier predates the check character algorithm and keeps its original form.
const issuedBeforeTheCheck = '4H95J0R2X';

export function parseDti(text: unknown): Parsed<Dti, 'dti_malformed' | 'dti_check_character'> {
  if (typeof text !== 'string' || !pattern.test(text))
    return refuse(
      'dti_malformed',
      'A DTI is 9 digits and capital letters without vowels and Y, not beginning with 0 (ISO 24165).',
    );
  if (text !== issuedBeforeTheCheck && !hasCheckCharacter(text))
    return refuse('dti_check_character', `${text} fails its check character (ISO 24165): a character is mistyped.`);
  return accept(text as Dti);
}
