import { parseCountry } from '@countersign/market';
import { Type } from 'typebox';
import { entityReader } from './entity-reader.ts';
import { code, readLei, readName, strict } from './fields.ts';

export const institutionReader = entityReader({
  kind: 'institution',
  list: 'institutions',
  schema: Type.Object(
    {
      lei: code,
      name: Type.String({ minLength: 1, maxLength: 256 }),
      country: code,
      lei_status: Type.Optional(Type.Union([Type.Literal('ISSUED'), Type.Literal('LAPSED'), Type.Literal('RETIRED')])),
    },
    strict,
  ),
  read(document, place) {
    const lei = readLei(document.lei, place.at('lei'));
    const name = readName(document.name, place.at('name'));
    const country = place.at('country').take(parseCountry(document.country));
    if (lei === undefined || name === undefined || country === undefined) return undefined;
    const value = { lei, name, country, leiStatus: document.lei_status ?? 'ISSUED' };
    return { id: lei, owner: lei, entity: { kind: 'institution', value } };
  },
});
