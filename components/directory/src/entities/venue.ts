import { parseCountry, parseMic } from '@countersign/market';
import { Type } from 'typebox';
import { entityReader } from './entity-reader.ts';
import { code, readLei, strict } from './fields.ts';

export const venueReader = entityReader({
  kind: 'venue',
  list: 'venues',
  schema: Type.Object(
    {
      mic: code,
      operator: code,
      country: code,
      expiry_date: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })),
    },
    strict,
  ),
  read(document, place) {
    const mic = place.at('mic').take(parseMic(document.mic));
    const operator = readLei(document.operator, place.at('operator'));
    const country = place.at('country').take(parseCountry(document.country));
    const expiryDate = document.expiry_date;
    if (expiryDate !== undefined && !isDay(expiryDate))
      place.at('expiry_date').report('directory_file_invalid', 'There is no such day.');
    if (mic === undefined || operator === undefined || country === undefined) return undefined;
    if (expiryDate !== undefined && !isDay(expiryDate)) return undefined;
    const value = { mic, operator, country, ...(expiryDate === undefined ? {} : { expiryDate }) };
    return { id: mic, owner: operator, entity: { kind: 'venue', value } };
  },
});

/** JavaScript reads 30 February as 2 March; an expiry must not move. */
function isDay(text: string): boolean {
  const day = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(text);
}
