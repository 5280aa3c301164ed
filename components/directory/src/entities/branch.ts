import { defined } from '@countersign/kernel';
import { parseCountry } from '@countersign/market';
import { Type } from 'typebox';
import { entityReader } from './fields/entity-reader.ts';
import { code, desk as name, readLei, strict } from './fields/fields.ts';

export const branchReader = entityReader({
  kind: 'branch',
  list: 'branches',
  schema: Type.Object(
    {
      institution: code,
      name,
      country: code,
      lei: Type.Optional(Type.String({ ...code, description: "The branch's own, where it has one (ISO 17442)." })),
    },
    strict,
  ),
  read(document, place) {
    const institution = readLei(document.institution, place.at('institution'));
    const country = place.at('country').take(parseCountry(document.country));
    const lei = document.lei === undefined ? undefined : readLei(document.lei, place.at('lei'));
    if (institution === undefined || country === undefined) return undefined;
    if (document.lei !== undefined && lei === undefined) return undefined;
    const id = `${institution}/${document.name}`;
    const value = { id, institution, name: document.name, country, ...defined({ lei }) };
    return { id, owner: institution, entity: { kind: 'branch', value } };
  },
});
