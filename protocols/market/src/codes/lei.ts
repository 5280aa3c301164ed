import type { Brand } from '@countersign/kernel';
import { accept, type Parsed, refuse } from '../parsed.ts';

export type Lei = Brand<string, 'Lei'>;

const pattern = /^[0-9A-Z]{18}[0-9]{2}$/;

/**
 * Checks shape and check digits (ISO 7064 MOD 97-10). A well-formed LEI need not be registered: check its status too.
 */
export function parseLei(text: unknown): Parsed<Lei, 'lei_malformed' | 'lei_check_digits'> {
  if (typeof text !== 'string' || !pattern.test(text))
    return refuse('lei_malformed', 'An LEI is 18 capital letters and digits followed by 2 digits (ISO 17442).');
  // 98 minus a remainder lies between 02 and 98. The endings 00, 01 and 99 would duplicate other remainders.
  const checkDigits = text.slice(18);
  if (checkDigits === '00' || checkDigits === '01' || checkDigits === '99' || remainder97(text) !== 1)
    return refuse('lei_check_digits', `${text} fails its check digits (ISO 17442): a character is mistyped.`);
  return accept(text as Lei);
}

/** The LEI that begins with these 18 characters, or undefined when they are not LEI characters. */
export function completeLei(first18: string): Lei | undefined {
  if (!/^[0-9A-Z]{18}$/.test(first18)) return undefined;
  const checkDigits = String(98 - remainder97(`${first18}00`)).padStart(2, '0');
  const lei = parseLei(`${first18}${checkDigits}`);
  return lei.ok ? lei.value : undefined;
}

/** Remainder modulo 97 after replacing each letter by two digits, A = 10 to Z = 35. */
function remainder97(text: string): number {
  let remainder = 0;
  for (let index = 0; index < text.length; index++) {
    const value = digitValue(text.charCodeAt(index));
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder;
}

function digitValue(code: number): number {
  return code >= 65 ? code - 55 : code - 48;
}
