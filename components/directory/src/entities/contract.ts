import type { Contract } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { type Static, Type } from 'typebox';
import type { Place } from '../problems.ts';
import { entityReader } from './fields/entity-reader.ts';
import { code, readDay, readLei, strict } from './fields/fields.ts';

const day = (description: string) => Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', description });
const partySchema = Type.Object({ lei: code, role: Type.String({ pattern: '^[a-z][a-z0-9-]{0,62}$' }) }, strict);

export const contractReader = entityReader({
  kind: 'contract',
  list: 'contracts',
  schema: Type.Object(
    {
      id: Type.String({ pattern: '^[A-Za-z0-9](?:[A-Za-z0-9._/-]{0,62}[A-Za-z0-9])?$' }),
      institution: Type.String({ ...code, description: 'The party that maintains it.' }),
      type: Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9-]{0,62}$', description: 'E.g. ISDA-2002, GMRA, clearing.' }),
      parties: Type.Array(partySchema, { minItems: 2, maxItems: 16, uniqueItems: true }),
      from: day('YYYY-MM-DD: holds from the beginning of that day.'),
      until: Type.Optional(day('YYYY-MM-DD: ends with that day.')),
      document_hash: Type.Optional(
        Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'SHA-256 of the signed document, base64url.' }),
      ),
    },
    strict,
  ),
  read(document, place) {
    const { id, type, until, document_hash: documentHash } = document;
    const institution = readLei(document.institution, place.at('institution'));
    const parties = readParties(document.parties, place.at('parties'));
    const from = readDay(document.from, place.at('from'));
    const last = until === undefined ? undefined : readDay(until, place.at('until'));
    if (institution === undefined || parties === undefined || from === undefined) return undefined;
    if (until !== undefined && last === undefined) return undefined;
    if (last !== undefined && last < from)
      return place.at('until').report('directory_file_invalid', 'A contract ends after it begins.');
    if (!parties.some(({ lei }) => lei === institution))
      return place
        .at('institution')
        .report('directory_file_invalid', 'A contract must be maintained by one of its parties.');
    const value = {
      id,
      institution,
      type,
      parties,
      from,
      ...defined({ until: last, documentHash }),
    };
    return { id, owner: institution, entity: { kind: 'contract', value } };
  },
});

/** At least two institutions. An institution may have several roles, each once. */
function readParties(written: readonly Static<typeof partySchema>[], place: Place): Contract['parties'] | undefined {
  const parties = written.flatMap(({ lei: text, role }, index) => {
    const lei = readLei(text, place.at(index, 'lei'));
    return lei === undefined ? [] : [{ lei, role }];
  });
  if (parties.length < written.length) return undefined;
  if (new Set(parties.map(({ lei }) => lei)).size < 2)
    return place.report('directory_file_invalid', 'A contract needs at least two parties.');
  return parties.sort((a, b) => (`${a.lei} ${a.role}` < `${b.lei} ${b.role}` ? -1 : 1));
}
