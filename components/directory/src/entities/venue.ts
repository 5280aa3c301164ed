import { defined } from '@countersign/kernel';
import { parseCountry, parseMic } from '@countersign/market';
import { Type } from 'typebox';
import { entityReader } from './fields/entity-reader.ts';
import { code, readDay, readLei, strict } from './fields/fields.ts';

export const venueReader = entityReader({
  kind: 'venue',
  list: 'venues',
  schema: Type.Object(
    {
      mic: code,
      operator: code,
      country: code,
      expiry_date: Type.Optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$' })),
      short_codes: Type.Optional(
        Type.Literal('required', { description: 'Orders need a short code of the initiator there.' }),
      ),
    },
    strict,
  ),
  read(document, place) {
    const mic = place.at('mic').take(parseMic(document.mic));
    const operator = readLei(document.operator, place.at('operator'));
    const country = place.at('country').take(parseCountry(document.country));
    const expiryDate = document.expiry_date;
    const missing = expiryDate !== undefined && readDay(expiryDate, place.at('expiry_date')) === undefined;
    if (mic === undefined || operator === undefined || country === undefined || missing) return undefined;
    const value = {
      mic,
      operator,
      country,
      ...defined({ expiryDate, shortCodes: document.short_codes }),
    };
    return { id: mic, owner: operator, entity: { kind: 'venue', value } };
  },
});
