import { kindOfPrincipal, type PrincipalId, type PrincipalKind, parsePrincipalId } from '@countersign/contracts';
import { isVisibleText, parseInstant, toInstant } from '@countersign/kernel';
import { isCfiPrefix, type Lei, parseLei } from '@countersign/market';
import { Type } from 'typebox';
import type { Place } from '../../problems.ts';

export const code = Type.String({ minLength: 1, maxLength: 512, pattern: '^[\\x21-\\x7e]+$' });
export const desk = Type.String({ pattern: '^[A-Za-z0-9](?:[A-Za-z0-9 ._-]{0,62}[A-Za-z0-9])?$' });
export const roles = Type.Array(Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }), {
  maxItems: 32,
  uniqueItems: true,
});
export const region = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$' });
export const products = (description: string) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 1 }), { maxItems: 32, uniqueItems: true, description });
export const strict = { additionalProperties: false } as const;

export function readLei(text: string, place: Place): Lei | undefined {
  return place.take(parseLei(text));
}

export function readPrincipalId(text: string, place: Place, kind?: PrincipalKind): PrincipalId | undefined {
  const id = parsePrincipalId(text);
  if (id === undefined)
    return place.report('directory_file_invalid', 'A principal id is a kind, a colon and a name: person:anna.keller.');
  if (kind !== undefined && kindOfPrincipal(id) !== kind)
    return place.report('directory_file_invalid', `The id of a principal in this list begins with ${kind}:.`);
  return id;
}

/** Free text such as a name: no control characters, and only text that UTF-8 can encode. */
export function readName(text: string, place: Place): string | undefined {
  if (text.trim() === text && isVisibleText(text)) return text;
  return place.report(
    'directory_file_invalid',
    'A name must not contain invisible characters, or start or end with a space.',
  );
}

export function readProducts(letters: readonly string[], place: Place): readonly string[] | undefined {
  const unknown = letters.findIndex((letter) => !isCfiPrefix(letter));
  if (unknown < 0) return [...letters].sort();
  return place
    .at(unknown)
    .report('directory_file_invalid', 'A class of instruments is the first letter of a CFI (ISO 10962), e.g. D.');
}

export function readInstant(text: string, place: Place): string | undefined {
  const at = parseInstant(text);
  if (at !== undefined) return toInstant(at);
  return place.report('directory_file_invalid', 'A time is an RFC 3339 date-time: 2026-11-21T09:30:00Z.');
}

/** An existing day, `YYYY-MM-DD`. JavaScript reads 30 February as 2 March, which would move an expiry. */
export function readDay(text: string, place: Place): string | undefined {
  const day = new Date(`${text}T00:00:00Z`);
  if (!Number.isNaN(day.getTime()) && day.toISOString().slice(0, 10) === text) return text;
  return place.report('directory_file_invalid', 'There is no such day.');
}
