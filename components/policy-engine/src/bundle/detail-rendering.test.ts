import type { DetailRendering } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultOfRendering, renderDetail, unshowableText } from './detail-rendering.ts';
import { faultOfDetailSchema, problemWithDetail } from './detail-schema.ts';

type Schema = { readonly [name: string]: Json };

const text = { type: 'string', maxLength: 64 };
const object = (properties: Schema, required: readonly string[] = []): Schema => ({
  ...{ type: 'object', additionalProperties: false, properties, required: [...required] },
});
const list = (items: Json, minItems = 1): Schema => ({ type: 'array', minItems, maxItems: 4, items });

const schema = object(
  {
    note: text,
    rights: list({ type: 'string', enum: ['read', 'comment'] }),
    preview: { type: 'boolean' },
    most: { type: 'integer' },
    owner: object({ desk: text, floor: text }, ['desk']),
    places: list(object({ room: text, day: text }, ['room'])),
  },
  ['note'],
);
const rendering: DetailRendering = {
  title: 'Access to a research note',
  lines: [
    { pointer: '/note', label: 'Note' },
    { pointer: '/rights', label: 'Right', words: { read: 'read it', comment: 'comment on it' } },
    { pointer: '/preview', label: 'Preview' },
    { pointer: '/most', label: 'Pages at most' },
    { pointer: '/owner/desk', label: 'Desk' },
    { pointer: '/places/*/room', label: 'Room' },
    { pointer: '/owner/floor', label: 'Floor' },
    { pointer: '/places/*/day', label: 'Day' },
  ],
};
const without = (pointer: string): DetailRendering => ({
  ...rendering,
  lines: rendering.lines.filter((line) => line.pointer !== pointer),
});
const also = (line: DetailRendering['lines'][number]): DetailRendering => ({
  ...rendering,
  lines: [...rendering.lines, line],
});

describe('the rendering of an authorization detail', () => {
  it('has a line for each value, in the order of the rule, with related values together', () => {
    expect(faultOfDetailSchema(schema)).toBeUndefined();
    expect(faultOfRendering(schema, rendering)).toBeUndefined();
    expect(
      renderDetail(rendering, {
        note: 'steel-2026',
        rights: ['read', 'comment'],
        preview: true,
        most: 12_500,
        owner: { desk: 'metals', floor: '3' },
        places: [{ room: 'A', day: 'Friday' }, { room: 'B' }],
      }),
    ).toEqual({
      title: 'Access to a research note',
      lines: [
        { label: 'Note', value: 'steel-2026' },
        { label: 'Right', value: 'read it (read)' },
        { label: 'Right', value: 'comment on it (comment)' },
        { label: 'Preview', value: 'yes' },
        { label: 'Pages at most', value: '12,500' },
        { label: 'Desk', value: 'metals' },
        { label: 'Floor', value: '3' },
        { label: 'Room (1)', value: 'A' },
        { label: 'Day (1)', value: 'Friday' },
        { label: 'Room (2)', value: 'B' },
      ],
    });
  });

  it('shows a boolean in the words of the rule', () => {
    const { lines } = renderDetail(
      {
        title: 'T',
        lines: [{ pointer: '/preview', label: 'Preview', words: { true: 'drafts too', false: 'no drafts' } }],
      },
      { preview: false },
    );
    expect(lines).toEqual([{ label: 'Preview', value: 'no drafts' }]);
  });

  it('differs when two details differ', () => {
    const word = fc.stringMatching(/^[a-c]{1,2}$/);
    const some = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
    const detail = fc
      .record({
        note: word,
        rights: some(fc.uniqueArray(fc.constantFrom('read', 'comment'), { minLength: 1 })),
        preview: some(fc.boolean()),
        most: some(fc.integer({ min: -3, max: 3 })),
        owner: some(fc.record({ desk: word, floor: some(word) })),
        places: some(
          fc.array(fc.record({ room: word, day: some(word) }), {
            minLength: 1,
            maxLength: 2,
          }),
        ),
      })
      .map((members) => JSON.parse(JSON.stringify(members)) as Schema);
    const shown = (members: Schema) => JSON.stringify(renderDetail(rendering, members).lines);
    fc.assert(
      fc.property(detail, detail, (one, other) => {
        expect(problemWithDetail(schema, one)).toBeUndefined();
        expect(shown(one) === shown(other)).toBe(sorted(one) === sorted(other));
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The order of members has no meaning. */
function sorted(value: Json): string {
  return JSON.stringify(value, (_, member) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([one], [other]) => (one < other ? -1 : 1)))
      : member,
  );
}

describe('a rule that could hide a value', () => {
  it.each(rendering.lines.map(({ pointer }) => pointer))('has no line for %s', (pointer) => {
    expect(faultOfRendering(schema, without(pointer))).toEqual({
      code: 'details_rendering_incomplete',
      message: `${pointer} is not shown to the person`,
    });
  });

  it.each<[string, Schema, string]>([
    ['an object that may be empty', object({ a: object({ b: text }) }), '/a could be present'],
    ['a list that may be empty', object({ a: list(text, 0) }), '/a could be empty'],
    ['a list of objects that may be empty', object({ a: list(object({ b: text })) }), '/a/* could be present'],
    ['a list of lists that may be empty', object({ a: list(list(text, 0)) }), '/a/* could be empty'],
  ])('is invalid for %s', (_, hiding, words) => {
    const everything = {
      title: 'T',
      lines: ['/a', '/a/b', '/a/*', '/a/*/b'].map((pointer, index) => ({ pointer, label: `L${index}` })),
    };
    const fault = faultOfRendering(hiding, everything);
    expect(fault?.code).toBe('details_rendering_incomplete');
    expect(fault?.message).toContain(words);
  });
});

it.each<[string, DetailRendering, string]>([
  ['a member that does not exist', also({ pointer: '/other', label: 'Other' }), '/other is not a member'],
  ['an object as if it were a value', also({ pointer: '/owner', label: 'Owner' }), '/owner is not a member'],
  ['a member twice', also({ pointer: '/note', label: 'Again' }), '/note has two lines'],
  [
    'two members under one label',
    { ...without('/most'), lines: [...without('/most').lines, { pointer: '/most', label: 'nOTE' }] },
    'two lines have the label',
  ],
  [
    'words for a text',
    { ...without('/note'), lines: [...without('/note').lines, { pointer: '/note', label: 'Note', words: { a: 'b' } }] },
    'is not an enum or a boolean',
  ],
  ...(
    [
      ['one of two choices alone', { read: 'read it' }, 'no words for comment'],
      ['a choice that does not exist', { read: 'a', comment: 'b', delete: 'c' }, 'which is not one of its values'],
      ['two choices in the same words', { read: 'Use it', comment: 'use it' }, 'the same words for two values'],
      [
        'two choices in words that look alike',
        { read: 'caf\u00e9', comment: 'cafe\u0301' },
        'the same words for two values',
      ],
      ['a choice in no words', { read: 'a', comment: ' ' }, 'is not a valid label'],
    ] as const
  ).map(([name, words, said]): [string, DetailRendering, string] => [
    `words for ${name}`,
    { ...without('/rights'), lines: [...without('/rights').lines, { pointer: '/rights', label: 'Right', words }] },
    said,
  ]),
  ...[
    'Fingerprint of this detail',
    'kind of DETAIL',
    'Ends',
    '',
    ' Note',
    'No  te',
    'Note: steel',
    'Note (1)',
    '\u202eetoN',
    '<b>',
    '1',
  ].map((label): [string, DetailRendering, string] => [
    `the label ${JSON.stringify(label)}`,
    { ...without('/note'), lines: [...without('/note').lines, { pointer: '/note', label }] },
    'is not a valid label',
  ]),
  ['a title that is not a line', { ...rendering, title: 'Two\nlines' }, 'is not a valid label'],
])('a rule is refused with %s', (_, rule, words) => {
  const fault = faultOfRendering(schema, rule);
  expect(fault?.code).toBe('details_rendering_invalid');
  expect(fault?.message).toContain(words);
});

it('is refused for text that a page would not show as it is', () => {
  expect(unshowableText({ a: 'Steel, 2026', b: ['x', { c: 7, d: true }] })).toBeUndefined();
  for (const text of [
    'a\u00a0b',
    'a\u200ab',
    'e\u0301',
    '\u212b',
    'a\u0336b',
    'q\u0323\u0307\u0301',
    '',
    ' a',
    'a ',
    'a  b',
    'a\u200bb',
    'a\u202eb',
    'a\nb',
    '\u3164',
  ])
    expect(unshowableText({ a: 'b', list: ['x', { c: text }] })).toBe('/list/1/c');
});
