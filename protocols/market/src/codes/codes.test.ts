import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkVenue,
  minorUnitOf,
  parseAmount,
  parseBic,
  parseCfi,
  parseCountry,
  parseCurrency,
  parseDti,
  parseIsin,
  parseLei,
  parseMic,
  parseMicList,
  parseUpi,
  parseUti,
  venueRegistry,
} from '../index.ts';

const archive = resolve(process.env['COUNTERSIGN_VECTORS'] ?? '../shared/vectors', 'iso10383-mic.csv.gz');
const characters = [...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ'];
const isDigit = (text: string) => /^[0-9]$/.test(text);

/** The value of a successful parse; anything else is a mistake in the test. */
function value<Value>(parsed: { ok: true; value: Value } | { ok: false; code: string }): Value {
  if (!parsed.ok) throw new Error(parsed.code);
  return parsed.value;
}

const hostile: readonly unknown[] = [
  undefined,
  null,
  0,
  Number.NaN,
  true,
  {},
  [],
  '',
  ' ',
  'x'.repeat(1_000_000),
  '\u0000',
  '\ud800',
  'ÄÖÜ',
  '５４９３００１ＫＪＴＩＩＧＣ８Ｙ１Ｒ１２',
  { toString: () => 'US0378331005' },
  ['US0378331005'],
  '__proto__',
  'constructor',
];

describe.each([
  ['LEI', parseLei, ['HWUPKR0MPOU8FGXBT394', '5493001KJTIIGC8Y1R12', '529900T8BM49AURSDO55'], 'lei_malformed'],
  ['MIC', parseMic, ['XNAS', 'XETR', '360T'], 'mic_malformed'],
  [
    'ISIN',
    parseIsin,
    ['US0378331005', 'DE0007164600', 'GB0002634946', 'AU0000XVGZA3', 'XS0629974352'],
    'isin_malformed',
  ],
  ['CFI', parseCfi, ['ESVUFR', 'DBFTFB', 'FFICSX', 'OCASPS', 'SRCCSP', 'JFTXFP', 'MMMXXX'], 'cfi_malformed'],
  ['currency', parseCurrency, ['USD', 'EUR', 'JPY', 'KWD', 'XAU', 'CLF'], 'currency_unknown'],
  ['country', parseCountry, ['DE', 'GB', 'US', 'SG'], 'country_unknown'],
  ['UPI', parseUpi, ['QZRBG6ZTKS42', 'QZXQ4R16245X', 'QZH55DK310GD'], 'upi_malformed'],
  ['DTI', parseDti, ['X9J9K872S', '4H95J0R2X', '9X1Z1NQG5', '3WCGMWKQM'], 'dti_malformed'],
  ['BIC', parseBic, ['DEUTDEFF', 'CEDELULLXXX', 'NEDSZAJJ'], 'bic_malformed'],
  ['UTI', parseUti, ['529900T8BM49AURSDO551', `529900T8BM49AURSDO55${'A'.repeat(32)}`], 'uti_malformed'],
] as const)('a %s from outside', (_, parse, good, malformed) => {
  it.each(good)('%s is accepted as written', (text) => {
    expect(parse(text)).toEqual({ ok: true, value: text });
  });

  it.each(good)('%s is refused in lower case, with a space around it, or with a line break after it', (text) => {
    const altered = [text.toLowerCase(), ` ${text}`, `${text} `, `${text}\n`].filter((each) => each !== text);
    for (const each of altered) expect(parse(each)).toMatchObject({ ok: false, code: malformed });
  });

  it('is refused with its own code for any other text', () => {
    for (const each of hostile) expect(parse(each)).toMatchObject({ ok: false, code: malformed });
  });

  it('is refused or accepted without an exception, for any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => typeof parse(text).ok === 'boolean'));
  });
});

describe('check digits', () => {
  it.each([
    ['an LEI with two characters exchanged', parseLei('HWUPKR0MPOU8FGXTB394'), 'lei_check_digits'],
    ['an ISIN with another last digit', parseIsin('US0378331006'), 'isin_check_digit'],
    ['an ISIN with two characters exchanged', parseIsin('US0373831005'), 'isin_check_digit'],
    ['a UPI with a mistyped character', parseUpi('QZRBG6ZTKS52'), 'upi_check_character'],
    ['a DTI with a mistyped character', parseDti('X9J9K873S'), 'dti_check_character'],
    ['a DTI that is close to the one issued before the check', parseDti('4H95J0R3X'), 'dti_check_character'],
    ['a UTI whose LEI is mistyped', parseUti('529900T8BM49AURSDO54TRADE1'), 'uti_lei'],
    ['a CFI of no category', parseCfi('ZSVUFR'), 'cfi_category'],
    ['a CFI of no group', parseCfi('EZVUFR'), 'cfi_category'],
    ['a BIC of no country', parseBic('DEUTZZFF'), 'bic_country'],
  ])('refuse %s', (_, parsed, code) => {
    expect(parsed).toMatchObject({ ok: false, code });
  });

  it('detect every change of one character in a UPI and in a DTI', () => {
    const alphabet = [...'0123456789BCDFGHJKLMNPQRSTVWXZ'];
    const changes = (code: string) =>
      [...code].flatMap((was, index) =>
        alphabet.filter((each) => each !== was).map((each) => code.slice(0, index) + each + code.slice(index + 1)),
      );
    expect(changes('QZRBG6ZTKS42').filter((each) => parseUpi(each).ok)).toEqual([]);
    expect(changes('X9J9K872S').filter((each) => parseDti(each).ok)).toEqual([]);
  });

  it('of an LEI have one form for one remainder: 00, 01 and 99 are never used', () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9A-Z]{18}$/), (first) => {
        const fitting = Array.from({ length: 100 }, (_, number) => first + String(number).padStart(2, '0')).filter(
          (each) => parseLei(each).ok,
        );
        expect(fitting).toHaveLength(1);
        expect(fitting[0]?.slice(18)).not.toMatch(/^(00|01|99)$/);
      }),
      { numRuns: 50 },
    );
  });
});

describe('currencies', () => {
  it.each(['XXX', 'XTS', 'DEM', 'usd', 'BTC'])('%s is not a tradable currency', (code) => {
    expect(parseCurrency(code)).toMatchObject({ ok: false, code: 'currency_unknown' });
  });

  it.each([
    ['JPY', 0],
    ['USD', 2],
    ['KWD', 3],
    ['CLF', 4],
    ['XAU', undefined],
  ])('%s has %s decimals', (code, decimals) => {
    expect(minorUnitOf(value(parseCurrency(code)))).toBe(decimals);
  });

  it.each([
    ['JPY', '1000.5', 'amount_precision'],
    ['USD', '0.001', 'amount_precision'],
    ['USD', '1.50', 'amount_malformed'],
    ['USD', '-1', 'amount_malformed'],
    ['USD', '1e3', 'amount_malformed'],
    ['USD', 1, 'amount_malformed'],
  ])('%s %s is refused', (code, amount, problem) => {
    expect(parseAmount(amount, value(parseCurrency(code)))).toMatchObject({ ok: false, code: problem });
  });

  it.each([
    ['JPY', '1000'],
    ['USD', '0.01'],
    ['KWD', '0.001'],
    ['XAU', '0.00000125'],
  ])('%s %s is a valid amount', (code, amount) => {
    expect(parseAmount(amount, value(parseCurrency(code)))).toEqual({ ok: true, value: amount });
  });
});

describe('a venue', () => {
  const day = (text: string) => Date.parse(`${text}T12:00:00Z`);
  const mic = (text: string) => value(parseMic(text));
  const venue = (text: string, rest: { status: 'ACTIVE' | 'UPDATED' | 'EXPIRED'; expiryDate?: string }) => ({
    mic: mic(text),
    operatingMic: mic(text),
    category: 'RMKT',
    ...rest,
  });
  const registry = venueRegistry([
    venue('XAAA', { status: 'ACTIVE' }),
    venue('XBBB', { status: 'UPDATED', expiryDate: '2026-11-21' }),
    venue('XCCC', { status: 'EXPIRED' }),
    venue('XDDD', { status: 'EXPIRED', expiryDate: '2030-01-01' }),
    venue('XEEE', { status: 'ACTIVE', expiryDate: 'never' }),
  ]);

  it.each([
    ['XAAA', day('2026-11-21'), undefined],
    ['XBBB', day('2026-11-20'), undefined],
    ['XBBB', day('2026-11-21'), 'mic_expired'],
    ['XBBB', Number.NaN, 'mic_expired'],
    ['XCCC', day('2020-01-01'), 'mic_expired'],
    ['XDDD', day('2020-01-01'), 'mic_expired'],
    ['XEEE', day('2020-01-01'), 'mic_expired'],
    ['XZZZ', day('2020-01-01'), 'mic_unknown'],
  ])('%s at %s is refused as %s', (text, at, code) => {
    const checked = checkVenue(mic(text), registry, at);
    expect(checked.ok ? undefined : checked.code).toBe(code);
  });
});

describe('a list of venues', () => {
  const header =
    'MIC,OPERATING MIC,OPRT/SGMT,MARKET NAME-INSTITUTION DESCRIPTION,LEI,MARKET CATEGORY CODE,ISO COUNTRY CODE (ISO 3166),STATUS,EXPIRY DATE';
  const row = 'XAAA,XAAA,OPRT,A,,RMKT,DE,ACTIVE,';

  it('is read with quotes, commas, line breaks, a byte-order mark and blank lines', () => {
    const list = value(
      parseMicList(
        `\ufeff${header}\r\n\r\nXAAA,XAAA,OPRT,"A, ""the""\r\nfirst",,RMKT,DE,ACTIVE,\nXBBB,XAAA,SGMT,B,,MLTF,DE,EXPIRED,20240229\n\n`,
      ),
    );
    expect(list.refusals).toEqual([]);
    expect(list.venues.map(({ mic, name, segment, expiryDate }) => ({ mic, name, segment, expiryDate }))).toEqual([
      { mic: 'XAAA', name: 'A, "the"\r\nfirst', segment: false, expiryDate: undefined },
      { mic: 'XBBB', name: 'B', segment: true, expiryDate: '2024-02-29' },
    ]);
  });

  it('keeps the good rows and names each bad one by its line', () => {
    const list = value(
      parseMicList(
        [
          header,
          row,
          'xaaa,XAAA,OPRT,A,,RMKT,DE,ACTIVE,',
          'XCCC,XAAA,OPRT,A,,RMKT,DE,CLOSED,',
          'XDDD,XAAA,ELSE,A,,RMKT,DE,ACTIVE,',
          'XEEE,XAAA,OPRT,A,529900T8BM49AURSDO54,RMKT,DE,ACTIVE,',
          'XFFF,XAAA,OPRT,A,,RMKT,DE,EXPIRED,20230229',
          row,
        ].join('\n'),
      ),
    );
    expect(list.venues.map(({ mic }) => mic)).toEqual(['XAAA']);
    expect(list.refusals.map(({ line, code }) => [line, code])).toEqual([
      [3, 'mic_malformed'],
      [4, 'mic_status_unknown'],
      [5, 'mic_level_unknown'],
      [6, 'lei_check_digits'],
      [7, 'date_malformed'],
      [8, 'mic_listed_twice'],
    ]);
  });

  it.each([
    ['nothing', ''],
    ['another heading', 'A,B\n1,2'],
    ['an open quote', `${header}\n"XAAA`],
    ['text after a closing quote', `${header}\n"XAAA"x,`],
    ['a quote within a cell', `${header}\nXA"A,`],
    ['a row that is too short', `${header}\nXAAA,XAAA`],
    ['too much', 'x'.repeat(16_000_001)],
  ])('is refused when it holds %s', (_, text) => {
    expect(parseMicList(text)).toMatchObject({ ok: false, code: 'mic_list_malformed' });
  });

  describe.skipIf(!existsSync(archive))(`the published ISO 10383 list (skipped where ${archive} is not found)`, () => {
    const list = existsSync(archive)
      ? value(parseMicList(gunzipSync(readFileSync(archive)).toString('utf8')))
      : { venues: [], refusals: [] };
    const leis = [...new Set(list.venues.flatMap(({ lei }) => (lei === undefined ? [] : [lei])))];

    it('is read completely: 2,767 venues, 511 of them expired, 1,022 distinct LEIs', () => {
      expect(list.refusals).toEqual([]);
      expect(list.venues).toHaveLength(2767);
      expect(list.venues.filter(({ status }) => status === 'EXPIRED')).toHaveLength(511);
      expect(leis).toHaveLength(1022);
    });

    it('gives a registry that refuses its expired venues and no others', () => {
      const registry = venueRegistry(list.venues);
      const at = Date.parse('2026-11-21T00:00:00Z');
      const refused = list.venues.filter(({ mic }) => !checkVenue(mic, registry, at).ok);
      expect(refused).toHaveLength(511);
      expect(refused.every(({ status }) => status === 'EXPIRED')).toBe(true);
    });

    it('holds LEIs of which every change of a digit to a digit or a letter to a letter is refused', () => {
      let changed = 0;
      let taken = 0;
      let crossedAndTaken = 0;
      for (const lei of leis) {
        for (let index = 0; index < lei.length; index++) {
          const was = lei.charAt(index);
          for (const character of characters) {
            if (character === was) continue;
            const passes = parseLei(lei.slice(0, index) + character + lei.slice(index + 1)).ok;
            if (isDigit(character) === isDigit(was)) {
              changed++;
              if (passes) taken++;
            } else if (passes) crossedAndTaken++;
          }
        }
      }
      expect(changed).toBeGreaterThan(250_000);
      expect(taken).toBe(0);
      // ISO 7064 MOD 97-10 does not detect every change between a digit and a letter, because such a change shifts the number
      // by one place. Exactly 2,900 of 715,400 changes pass; a larger number would mean a weaker check.
      expect(crossedAndTaken).toBe(2900);
    });
  });
});
