import { type Person, parsePrincipalId } from '@countersign/contracts';
import { type Lei, parseLei } from '@countersign/market';

/** The LEI with this prefix, padded to 18 characters, with its check digits (ISO 17442). */
export function leiOf(beginning: string): Lei {
  const first18 = beginning.padEnd(18, '0');
  const digits = [...`${first18}00`].map((character) => Number.parseInt(character, 36)).join('');
  const lei = parseLei(first18 + String(98n - (BigInt(digits) % 97n)).padStart(2, '0'));
  if (!lei.ok) throw new Error(lei.detail);
  return lei.value;
}

/** A person of an institution, by the name in their id: `anna.keller`. */
export function personOf(name: string, institution: Lei, ...roles: readonly string[]): Person {
  const id = parsePrincipalId(`person:${name}`);
  if (id === undefined) throw new Error(`no principal id: ${name}`);
  return { kind: 'person', id, institution, roles, credentials: [] };
}
