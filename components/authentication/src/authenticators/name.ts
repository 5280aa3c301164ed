import { replaceUnseen } from '@countersign/kernel';

const longest = 60;

/** What a person called their key, fit to be shown: one line of at most 60 characters; `Key 2` when it says nothing. */
export function authenticatorName(given: string | undefined, place: number): string {
  const name = (given ?? '').slice(0, 1_000).replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\s]+/gu, ' ');
  const characters = Array.from(replaceUnseen(name, '').trim());
  return characters.length === 0 ? `Key ${place}` : characters.slice(0, longest).join('');
}
