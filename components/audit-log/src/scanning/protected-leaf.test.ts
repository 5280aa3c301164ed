import type { Commitment, EvidenceRecord } from '@countersign/contracts';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recordBytes, recordRest } from '../record-json.ts';
import { newRecordId } from '../testing/rig.ts';
import { isKeyId, readCommitments, readLeaf } from './protected-leaf.ts';

const id = newRecordId();
const paths = ['/address', '/data/decision/input', '/data/x'] as const;
const wanted = new Map<string, number>(paths.map((path, number) => [path, number]));

/** JSON with characters at which a parser is likely to cut by mistake. */
const anyText = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom('"', '\\', '\\"', '}}}', ',"protected":{', '"}}}', ',"id":"', '株式'),
);
const anyMembers = fc.dictionary(
  fc.oneof(fc.stringMatching(/^x[a-z]{1,3}$/), fc.constant('protected')),
  fc.oneof(anyText, fc.integer(), fc.array(anyText, { maxLength: 3 }), fc.dictionary(anyText, anyText)),
);
const base64url = (length: number) => fc.stringMatching(new RegExp(`^[A-Za-z0-9_-]{${length}}$`));
const usualCommitment = fc.record({
  kind: fc.constantFrom('personal' as const, 'strategy' as const),
  key: base64url(20).map((text) => `key_${text}`),
  commitment: base64url(43),
  ciphertext: base64url(43),
});
const oddCommitment: fc.Arbitrary<Commitment> = fc.record({
  kind: fc.constant('personal' as const),
  key: fc.oneof(anyText, fc.constant('key_x')),
  commitment: anyText,
  ciphertext: anyText,
});
const anyCommitments = fc.dictionary(
  fc.oneof(fc.constantFrom(...paths, '/data/other'), anyText),
  fc.oneof({ weight: 5, arbitrary: usualCommitment }, { weight: 1, arbitrary: oddCommitment }),
  { maxKeys: 5 },
);

function leaf(data: unknown, commitments: Readonly<Record<string, Commitment>> | undefined, clock = true): Buffer {
  const origin = { stream: `src_${id.slice(4)}`, number: 17, clock: clock ? newRecordId() : undefined };
  const open = JSON.stringify({ id, type: 'decision.made', data });
  const told = commitments === undefined ? undefined : JSON.stringify(commitments);
  return recordBytes(recordRest(origin, open, told), '2026-11-21T09:30:00.000Z');
}

/** The content of the leaf by plain JSON parsing. A value without a key is omitted. */
function parsedAsJson(bytes: Buffer): unknown {
  const { id: own, protected: all = {} } = JSON.parse(bytes.toString()) as EvidenceRecord;
  const values = paths.flatMap((path, number) => {
    const said = Object.hasOwn(all, path) ? all[path] : undefined;
    if (said === undefined) return [];
    const { key, commitment } =
      /^key_[\w-]{20}$/.test(said.key) && typeof said.commitment === 'string' ? said : { key: '', commitment: '' };
    return [{ wanted: number, key, commitment }];
  });
  return values.length === 0 ? undefined : { id: own, values };
}

describe('the protected values in a leaf', () => {
  it('equal plain JSON parsing, whatever else the record holds', () => {
    fc.assert(
      fc.property(anyMembers, fc.option(anyCommitments, { nil: undefined }), fc.boolean(), (data, told, clock) => {
        const bytes = leaf(data, told, clock);
        expect(readLeaf(bytes, wanted)).toEqual(parsedAsJson(bytes));
      }),
      { numRuns: 500 },
    );
  });

  it('equal plain JSON parsing after a changed character, or the record is invalid', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom(...paths), usualCommitment, { minKeys: 1 }),
        fc.nat(),
        fc.constantFrom('"', '\\', '}', ',', 'x', ':'),
        (told, at, character) => {
          const bytes = leaf({ text: 'x' }, told);
          const from = bytes.lastIndexOf(',"protected"');
          bytes.write(character, from + (at % (bytes.length - from)));
          let meant: unknown;
          try {
            meant = parsedAsJson(bytes);
          } catch {
            // A value from an invalid record does not open: its commitment is shown all the same.
            return;
          }
          expect(readLeaf(bytes, wanted)).toEqual(meant);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('are the last of two values of one name, as in JSON', () => {
    const one = {
      kind: 'personal',
      key: `key_${'a'.repeat(20)}`,
      commitment: 'b'.repeat(43),
      ciphertext: 'c'.repeat(43),
    };
    const text = leaf({}, { '/data/x': { ...one, kind: 'personal' } }).toString();
    const member = text.slice(text.indexOf('"/data/x"'), -2);
    const bytes = Buffer.from(text.replace(member, `${member},${member.replaceAll('b', 'd')}`));
    expect(readLeaf(bytes, wanted)).toEqual(parsedAsJson(bytes));
    expect(readLeaf(bytes, wanted)?.values).toMatchObject([{ commitment: 'd'.repeat(43) }]);
  });

  it('are returned only for requested paths', () => {
    const commitment = { kind: 'personal', key: `key_${'k'.repeat(20)}`, commitment: 'c', ciphertext: 'd' } as const;
    const bytes = leaf({}, { '/address': commitment, '/data/y': commitment });
    expect(readCommitments(bytes, wanted)).toEqual({ id, protected: { '/address': commitment } });
    expect(readCommitments(Buffer.from('no record'), wanted)).toBeUndefined();
    expect(readCommitments(Buffer.from('{"id":"of another kind"}'), wanted)).toBeUndefined();
  });

  it.each([
    ['a key', { key: 'AAAAAAA","key":"key_BBBB' }],
    ['a commitment', { commitment: 'A","commitment":"BBBBBBBBBBBBBBBBBBBBBBBBBB' }],
    ['a key behind the key', { commitment: 'A","key":"key_BBBBBBBBBBBBBBBBBBBB","x":"CC' }],
    ['a commitment behind the commitment', { ciphertext: 'A","commitment":"BBBBBBBBBBBBBBBBBBBBBBBBBB' }],
    ['a kind', { kind: '","x":"y' }],
  ])('equal plain JSON parsing if %s hides another member', (_, hidden) => {
    const usual = {
      kind: 'personal',
      key: `key_${'a'.repeat(20)}`,
      commitment: 'b'.repeat(43),
      ciphertext: 'c'.repeat(43),
    } as const;
    const { kind, key, commitment, ciphertext } = { ...usual, ...hidden };
    const text = leaf({}, { '/data/x': usual }).toString();
    const bytes = Buffer.from(
      text
        .replace(`"kind":"${usual.kind}"`, `"kind":"${kind}"`)
        .replace(usual.key, key)
        .replace(usual.commitment, commitment)
        .replace(usual.ciphertext, ciphertext),
    );
    expect(bytes).toHaveLength(text.length);
    const { protected: all } = JSON.parse(bytes.toString()) as EvidenceRecord;
    const said = readLeaf(bytes, wanted)?.values[0];
    const meant = readCommitments(bytes, wanted)?.protected['/data/x'];
    expect(said).toEqual({ wanted: 2, key: meant?.key, commitment: meant?.commitment });
    if (meant?.key !== '') expect(meant).toMatchObject({ key: all?.['/data/x']?.key });
  });

  it.each([
    null,
    7,
    'text',
    [],
    {},
    { kind: 'personal', key: 7, commitment: 'c', ciphertext: 'd' },
    { kind: 'personal', key: [['a'], 'b'], commitment: 'c', ciphertext: 'd' },
    { kind: 'personal', key: 'key_\0', commitment: 'c', ciphertext: 'd' },
    { kind: 'personal', key: `key_${'k'.repeat(20)}`, commitment: {}, ciphertext: 'd' },
  ])('have no key if a commitment is %j', (commitment) => {
    const bytes = Buffer.from(JSON.stringify({ id, protected: { '/data/x': commitment } }));
    expect(readLeaf(bytes, wanted)).toEqual({ id, values: [{ wanted: 2, key: '', commitment: '' }] });
    expect(readCommitments(bytes, wanted)?.protected['/data/x']).toMatchObject({ key: '' });
  });

  it('are found if other members or white space follow', () => {
    const commitment = { kind: 'personal', key: `key_${'k'.repeat(20)}`, commitment: 'c', ciphertext: 'd' };
    for (const text of [
      JSON.stringify({ id, protected: { '/data/x': commitment }, more: 1 }),
      JSON.stringify({ id, protected: { '/data/x': commitment } }, null, 2),
      `${JSON.stringify({ id, protected: { '/data/x': commitment } })}\n`,
    ])
      expect(readLeaf(Buffer.from(text), wanted)?.values).toMatchObject([{ key: commitment.key }]);
  });

  it.each([null, 7, 'text', []])('are none if the protected member is %j', (all) => {
    expect(readLeaf(Buffer.from(JSON.stringify({ id, protected: all })), wanted)).toBeUndefined();
  });

  it.each(['', 'key_', `key_${'a'.repeat(19)}'`, `key_${'a'.repeat(21)}`, `key_${'a'.repeat(19)},`])(
    'do not accept %s as the id of a key',
    (text) => expect(isKeyId(text)).toBe(false),
  );
});
