import { parsePrincipalId } from '@countersign/contracts';
import { parseMic } from '@countersign/market';
import { Type } from 'typebox';
import { entityReader } from './fields/entity-reader.ts';
import { code, readLei, strict } from './fields/fields.ts';

/** RTS 24 Annex reserves codes for none, aggregated, pending and the institution itself. */
const firstFree = 4;

export const shortCodeReader = entityReader({
  kind: 'short-code',
  list: 'short_codes',
  schema: Type.Object(
    {
      venue: code,
      institution: code,
      holder: Type.String({ ...code, description: "Id of a principal of the institution, or the institution's LEI." }),
      code: Type.Integer({
        minimum: firstFree,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'RTS 24 reserves the codes 0 to 3.',
      }),
    },
    strict,
  ),
  read(document, place) {
    const { holder } = document;
    const venue = place.at('venue').take(parseMic(document.venue));
    const institution = readLei(document.institution, place.at('institution'));
    if (venue === undefined || institution === undefined) return undefined;
    if (holder !== institution && parsePrincipalId(holder) === undefined)
      return place
        .at('holder')
        .report('directory_file_invalid', 'A short code identifies a principal, or by its LEI the institution itself.');
    const id = `${venue}/${holder}`;
    const value = { id, venue, institution, holder, code: document.code };
    return { id, owner: institution, entity: { kind: 'short-code', value } };
  },
});
