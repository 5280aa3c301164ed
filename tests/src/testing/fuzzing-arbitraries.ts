import fc from 'fast-check';

/** Names with a meaning in JavaScript, which careless parsers mishandle. */
export const treacherousName = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'valueOf',
  'then',
  'toJSON',
  'length',
  '',
  '\u0000',
  '0',
);

/** Text that has broken parsers: nesting, numbers, encodings, homoglyphs, syntax of other languages. */
export const treacherousText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    'null',
    'undefined',
    'NaN',
    '[object Object]',
    '\u0000',
    '\ufeff',
    '\u202eevil',
    '\ud800',
    'ＤＥＳＫ',
    '%00',
    '%',
    '%zz',
    '%ff%fe',
    '../../etc/passwd',
    '/etc/passwd\u0000',
    'http://169.254.169.254/latest/meta-data',
    'javascript:alert(1)',
    '"><script>alert(1)</script>',
    "' OR 1=1 --",
    '$' + '{process.exit(1)}',
    '{{7*7}}',
    '\r\nset-cookie: a=b',
    '1e400',
    '-0',
    '9'.repeat(400),
    'a'.repeat(10_000),
    '['.repeat(5_000),
    '{"a":'.repeat(3_000),
  ),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  treacherousName,
);

/** Any JSON value, with such names in it. */
export const treacherousJson: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.jsonValue({ maxDepth: 4 }) },
  { weight: 2, arbitrary: fc.dictionary(treacherousName, fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(-1, 0, 1e308, 2 ** 53, -(2 ** 63), 0.1, true, null, [], {}, [[]], ''),
  },
  { weight: 1, arbitrary: treacherousText },
);

/** JSON text that no serialiser writes: duplicate members, endless numbers, endless nesting, truncated text. */
export const treacherousJsonText = fc.oneof(
  fc.constantFrom(
    '{"a":1,"a":2}',
    '{"__proto__":{"admin":true}}',
    '[{"type":"urn:countersign:rar:v1:trade_order","type":"urn:countersign:rar:v1:withdrawal"}]',
    '1e999999',
    `[${'9'.repeat(20_000)}]`,
    `[0.${'0'.repeat(20_000)}1]`,
    '['.repeat(30_000),
    `${'['.repeat(14_000)}${']'.repeat(14_000)}`,
    `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
    `[${'{},'.repeat(5_000)}{}]`,
    '"\\ud800"',
    '"\\u0000"',
    '[1,]',
    '// comment\n[]',
    '{"a":NaN}',
    `{"${'k'.repeat(20_000)}":1}`,
  ),
  treacherousJson.map((value) => JSON.stringify(value) ?? 'null'),
  fc.tuple(fc.json(), fc.nat(40)).map(([text, length]) => text.slice(0, length)),
);

export type Mutation = (text: string) => string;

/** Corruption of a text in transit, or deliberate changes. */
export const mutation: fc.Arbitrary<Mutation> = fc.oneof(
  fc.tuple(fc.nat(5_000), fc.string({ minLength: 1, maxLength: 3, unit: 'binary-ascii' })).map(
    ([at, insert]) =>
      (text: string) =>
        text.slice(0, at % (text.length + 1)) + insert + text.slice(at % (text.length + 1)),
  ),
  fc.tuple(fc.nat(5_000), fc.nat(40)).map(([at, count]) => (text: string) => {
    const from = at % (text.length + 1);
    return text.slice(0, from) + text.slice(from + count);
  }),
  fc.nat(5_000).map((at) => (text: string) => text.slice(0, at % (text.length + 1))),
  fc.tuple(fc.nat(5_000), fc.constantFrom('A', '-', '_', '=', '.', '+', '/', '%', ' ')).map(
    ([at, sign]) =>
      (text: string) =>
        text.length === 0 ? sign : text.slice(0, at % text.length) + sign + text.slice((at % text.length) + 1),
  ),
  fc.constantFrom<Mutation>(
    (text) => text.split('.').toReversed().join('.'),
    (text) => text.split('.').slice(0, 2).join('.'),
    (text) => `${text}.`,
    (text) => `.${text}`,
    (text) => `${text}.${text}`,
    (text) => text.replaceAll('-', '+').replaceAll('_', '/'),
    (text) => `${text}==`,
    (text) => text.toUpperCase(),
    (text) => text.repeat(20),
    (text) => `${text.split('.')[0] ?? ''}..${text.split('.')[2] ?? ''}`,
    () => '',
    () => '..',
    () => 'e30.e30.e30',
    () => 'e30.e30.e30.e30.e30',
    () => 'a.'.repeat(5_000),
  ),
);
