/** The 30 characters of UPI and DTI: digits and capitals without vowels and Y, so that no code spells a word. */
const alphabet = '0123456789BCDFGHJKLMNPQRSTVWXZ';

/** The same characters as the body of a regular expression character class. */
export const characterClass = '0-9B-DF-HJ-NP-TV-XZ';

/** The hybrid system of ISO/IEC 7064 with modulus 31 and 30, for ISO 4914 (UPI) and ISO 24165 (DTI). */
export function hasCheckCharacter(text: string): boolean {
  let product = 30;
  for (const character of text.slice(0, -1)) {
    const sum = (product + alphabet.indexOf(character)) % 30;
    product = ((sum === 0 ? 30 : sum) * 2) % 31;
  }
  return (product + alphabet.indexOf(text.slice(-1))) % 30 === 1;
}
