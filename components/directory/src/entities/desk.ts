import type { Desk } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { parseCountry, parseMic } from '@countersign/market';
import { type Static, Type } from 'typebox';
import type { Place } from '../problems.ts';
import { entityReader } from './fields/entity-reader.ts';
import { code, desk as deskName, products, readLei, readProducts, strict } from './fields/fields.ts';

const time = (description: string) =>
  Type.String({ pattern: '^(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]|24:00)$', description });

const hoursSchema = Type.Object(
  {
    time_zone: Type.String({ maxLength: 64, pattern: '^[A-Za-z]', description: 'IANA name, e.g. Europe/Berlin.' }),
    opens: time('HH:MM; the minute itself is within.'),
    closes: time('HH:MM, later the same day; the minute itself is not within. 24:00 is the end of the day.'),
    days: Type.Array(Type.Integer({ minimum: 1, maximum: 7 }), {
      maxItems: 7,
      uniqueItems: true,
      description: 'ISO 8601: Monday is 1.',
    }),
  },
  strict,
);

export const deskReader = entityReader({
  kind: 'desk',
  list: 'desks',
  schema: Type.Object(
    {
      institution: code,
      name: deskName,
      branch: Type.Optional(Type.String({ ...deskName, description: 'Name of the branch it belongs to.' })),
      products: products('CFI categories (ISO 10962, first letter) it may deal in.'),
      venues: Type.Array(code, { maxItems: 1_024, uniqueItems: true, description: 'MICs of venues it may deal on.' }),
      jurisdictions: Type.Array(code, {
        maxItems: 249,
        uniqueItems: true,
        description: 'ISO 3166-1 alpha-2 codes of jurisdictions its intents may name.',
      }),
      hours: hoursSchema,
    },
    strict,
  ),
  read(document, place) {
    const institution = readLei(document.institution, place.at('institution'));
    const products = readProducts(document.products, place.at('products'));
    const venues = readEach(document.venues, place.at('venues'), (text, at) => at.take(parseMic(text)));
    const jurisdictions = readEach(document.jurisdictions, place.at('jurisdictions'), (text, at) =>
      at.take(parseCountry(text)),
    );
    const hours = readHours(document.hours, place.at('hours'));
    if (institution === undefined || hours === undefined) return undefined;
    if (products === undefined || venues === undefined || jurisdictions === undefined) return undefined;
    const id = `${institution}/${document.name}`;
    const { name, branch } = document;
    const value = {
      id,
      institution,
      name,
      ...defined({ branch }),
      products,
      venues,
      jurisdictions,
      hours,
    };
    return { id, owner: institution, entity: { kind: 'desk', value } };
  },
});

function readEach(
  texts: readonly string[],
  place: Place,
  read: (text: string, place: Place) => string | undefined,
): readonly string[] | undefined {
  const values = texts.map((text, index) => read(text, place.at(index)));
  const known = values.filter((value) => value !== undefined);
  return known.length === values.length ? known.sort() : undefined;
}

function readHours(
  { time_zone: timeZone, opens, closes, days }: Static<typeof hoursSchema>,
  place: Place,
): Desk['hours'] | undefined {
  if (!isTimeZone(timeZone)) return place.at('time_zone').report('directory_file_invalid', 'Unknown IANA time zone.');
  // Both have two digits, so text order is time order.
  if (closes <= opens)
    return place.at('closes').report('directory_file_invalid', 'A desk must close after it opens, on the same day.');
  return { timeZone, opens, closes, days: [...days].sort() };
}

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
