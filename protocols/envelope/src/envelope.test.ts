import { CodedError, canonicalize, intentDigestOf, type Json } from '@countersign/kernel';
import { encodeHeader, signCompactJws } from '@countersign/oauth';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type EnvelopeExpectations,
  envelopeClaims,
  envelopeErrors,
  envelopeJwsHeader,
  envelopeSchema,
  envelopeType,
  fromFixField,
  fromHttpField,
  type IdentityEnvelope,
  isReferenceOf,
  maxEnvelopeLength,
  parseEnvelope,
  signEnvelope,
  subjectReference,
  toFixField,
  toHttpField,
  verifyEnvelope,
} from './index.ts';
import { exampleEnvelope, exampleKey, idOf, issuedAt, issuer, referenceKey } from './testing/example-envelope.ts';

const keys = [exampleKey('ES256'), exampleKey('EdDSA')] as const;
const [key] = keys;
const keyOf = (kid: string) => keys.find((each) => each.kid === kid)?.verification;
const expected: EnvelopeExpectations = { issuer, now: issuedAt * 1000 };

const claimsOf = (envelope: IdentityEnvelope): Record<string, Json> =>
  JSON.parse(JSON.stringify(envelopeClaims(envelope))) as Record<string, Json>;
const example = claimsOf(exampleEnvelope);
const signed = (envelope: IdentityEnvelope = exampleEnvelope, by = key): Promise<string> =>
  signEnvelope(envelope, envelopeJwsHeader(by), by.sign);
/** Correctly signed by the issuer, with any content. */
const forged = (claims: object, header: object = {}): Promise<string> =>
  signCompactJws(claims, encodeHeader({ alg: key.algorithm, typ: envelopeType, kid: key.kid, ...header }), key.sign);
const refused = (code: string) => expect.objectContaining({ code });
const verified =
  (text: string, change: Partial<EnvelopeExpectations> = {}) =>
  () =>
    verifyEnvelope(text, keyOf, { ...expected, ...change });

describe('an identity envelope', () => {
  it.each(keys)('signed with $algorithm is read back as it was issued', async (by) => {
    const text = await signed(exampleEnvelope, by);
    const read = verifyEnvelope(text, keyOf, {
      ...expected,
      transaction: exampleEnvelope.transaction,
      intentDigest: exampleEnvelope.intentDigest,
    });
    expect(read).toEqual(exampleEnvelope);
    expect(text.length).toBeLessThan(2_048);
  });

  it('contains only references: no name and no principal id', async () => {
    const [, payload = ''] = (await signed()).split('.');
    const text = Buffer.from(payload, 'base64url').toString();
    expect(text).not.toMatch(/person:|agent:|service:|anna|keller/i);
  });

  it('is valid until it expires, to the second', async () => {
    const text = await signed();
    expect(verified(text, { now: exampleEnvelope.expiresAt * 1000 - 1 })().record).toBe(exampleEnvelope.record);
    expect(verified(text, { now: exampleEnvelope.expiresAt * 1000 })).toThrow(refused('envelope_expired'));
  });

  it.each<[string, Partial<EnvelopeExpectations>, string]>([
    ['another issuer', { issuer: 'https://other.example' }, 'envelope_issuer'],
    ['another transaction', { transaction: idOf('transaction', 'txn', 2) }, 'envelope_transaction'],
    [
      'an intent of which one field was changed',
      { intentDigest: intentDigestOf({ type: 'another' }) },
      'envelope_intent',
    ],
    ['a time well before it was issued', { now: (issuedAt - 3_600) * 1000 }, 'envelope_expired'],
  ])('is refused with a message of %s', async (_, change, code) => {
    expect(verified(await signed(), change)).toThrow(refused(code));
  });

  it.each<[string, () => Promise<string>, string]>([
    ['a key that is not the issuer’s', () => signed(exampleEnvelope, exampleKey('ES256')), 'envelope_key_unknown'],
    ['no kid', () => forged(example, { kid: undefined }), 'envelope_key_unknown'],
    ['another type', () => forged(example, { typ: 'at+jwt' }), 'envelope_malformed'],
    ['PS256', () => forged(example, { alg: 'PS256' }), 'envelope_malformed'],
    ['an algorithm that is not the key’s', () => forged(example, { alg: 'EdDSA' }), 'envelope_malformed'],
    ['no algorithm', () => forged(example, { alg: 'none' }), 'envelope_malformed'],
    ['its key brought along', () => forged(example, { jwk: { kty: 'EC' } }), 'envelope_malformed'],
    ['its signature cut off', async () => (await signed()).replace(/[^.]*$/, ''), 'envelope_malformed'],
    [
      'the signature of another envelope',
      async () => {
        const [header, payload] = (await signed()).split('.');
        const other = (await signed({ ...exampleEnvelope, version: 4 })).split('.')[2];
        return `${header}.${payload}.${other}`;
      },
      'envelope_signature',
    ],
  ])('is refused with %s', async (_, make, code) => {
    expect(verified(await make())).toThrow(refused(code));
  });

  const nested = (list: string, change: object) => ({ [list]: [{ ...(example[list] as object[])[0], ...change }] });
  it.each<[string, object]>([
    ['an unknown claim', { note: 'x' }],
    ['an issuer that is not a URL', { iss: 'identity' }],
    ['a time in text', { iat: '1800000000' }],
    ['a time in fractions', { iat: issuedAt + 0.5 }],
    ['an end before its issue', { exp: issuedAt }],
    ['a life of more than an hour', { exp: issuedAt + 3_601 }],
    ['a time beyond all calendars', { iat: 253_402_300_800, exp: 253_402_300_801 }],
    ['an invalid record', { jti: 'rec_1' }],
    ['an invalid transaction', { txn: exampleEnvelope.record }],
    ['a state in capitals', { st: 'Submitted' }],
    ['a count below zero', { ver: -1 }],
    ['an intent type of another namespace', { int: 'urn:other:trade_order' }],
    ['a digest cut short', { dig: exampleEnvelope.intentDigest.slice(1) }],
    ['a principal id for a reference', { sub: 'person:anna.keller' }],
    ['an institution that is not an LEI', { lei: 'ACME' }],
    ['a missing list of actors', { via: undefined }],
    ['too many actors', { via: Array.from({ length: 17 }, () => ({ ref: exampleEnvelope.subject.ref })) }],
    ['an actor with a name', nested('via', { name: 'x' })],
    ['an actor without an institution', nested('via', { lei: null })],
    ['a mandate without a version', nested('mnd', { ver: undefined })],
    ['a mandate with an invalid digest', nested('mnd', { dig: 'x' })],
    ['an approval without its record', nested('apr', { rec: undefined })],
    ['a decision with an invalid id', nested('dec', { id: 'x' })],
    ['a decision under half a policy', nested('dec', { pol: 0.5 })],
    ['a mode between the two', { mode: 'mixed' }],
  ])('is refused with %s, by our reader and by its schema', async (name, change) => {
    const claims = JSON.parse(JSON.stringify({ ...example, ...change })) as Record<string, Json>;
    expect(verified(await forged(claims))).toThrow(refused('envelope_malformed'));
    expect(() => parseEnvelope(claims)).toThrow(refused('envelope_malformed'));
    // JSON Schema cannot compare two members.
    if (!['an end before its issue', 'a life of more than an hour'].includes(name)) expect(schema(claims)).toBe(false);
  });

  const schema = new Ajv2020({ strict: true }).compile(structuredClone(envelopeSchema));
  it('has a schema for verifiers in other languages', () => {
    expect(schema(example)).toBe(true);
  });

  it('is not issued if it would be refused: nothing is dropped silently', async () => {
    const approvals = Array.from({ length: 33 }, (_, index) => ({
      id: idOf('approval', 'apr', index),
      record: idOf('record', 'rec', index),
    }));
    await expect(signed({ ...exampleEnvelope, approvals })).rejects.toThrow(refused('envelope_too_large'));
    const full = (count: number) => ({
      ...exampleEnvelope,
      approvals: approvals.slice(0, count),
      decisions: approvals.slice(0, count).map(({ record }, index) => ({
        id: idOf('decision', 'dec', index),
        record,
        policyVersion: 1,
      })),
    });
    await expect(signed(full(32))).rejects.toThrow(refused('envelope_too_large'));
    const large = await signed(full(20));
    expect(large.length).toBeLessThanOrEqual(maxEnvelopeLength);
    expect(verified(large)().approvals).toHaveLength(20);
  });

  it('with any content that fits is read back unchanged', () => {
    const reference = fc
      .uint8Array({ minLength: 32, maxLength: 32 })
      .map((bytes) => Buffer.from(bytes).toString('base64url'));
    const lei = fc.constantFrom('529900T8BM49AURSDO55', '213800WAVVOPS85N2205');
    const number = fc.nat({ max: 999_999 });
    const record = number.map((value) => idOf('record', 'rec', value));
    const maybe = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
    const defined = (value: object) =>
      Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
    const anyEnvelope = fc
      .record({
        actors: fc.array(fc.record({ ref: reference, institution: maybe(lei) }).map(defined), { maxLength: 16 }),
        mandates: fc.array(
          fc
            .record({
              id: number.map((value) => idOf('mandate', 'mnd', value)),
              version: number,
              digest: maybe(reference),
            })
            .map(defined),
          { maxLength: 9 },
        ),
        decisions: fc.array(
          fc
            .record({
              id: maybe(number.map((value) => idOf('decision', 'dec', value))),
              record,
              policyVersion: maybe(number),
            })
            .map(defined),
          { maxLength: 12 },
        ),
        version: number,
        mode: fc.constantFrom('manual', 'automatic'),
      })
      .map((change) => ({ ...exampleEnvelope, ...change }) as unknown as IdentityEnvelope);
    fc.assert(
      fc.property(anyEnvelope, (envelope) => {
        const claims = claimsOf(envelope);
        expect(schema(claims)).toBe(true);
        expect(canonicalize(parseEnvelope(claims))).toBe(canonicalize(envelope));
      }),
      { numRuns: 200 },
    );
  });
});

describe('arbitrary text instead of an envelope', () => {
  it('is refused with a registered code', async () => {
    const good = await signed();
    const refusal = (text: string): void => {
      try {
        verified(text)();
        expect(text).toBe(good);
      } catch (error) {
        if (!(error instanceof CodedError)) throw error;
        expect(Object.keys(envelopeErrors.codes)).toContain(error.code);
      }
    };
    fc.assert(fc.property(fc.string({ maxLength: 200, unit: 'binary' }), refusal), { numRuns: 300 });
    const changed = fc
      .tuple(fc.nat({ max: good.length - 1 }), fc.constantFrom(...'AQgw-_.=,\r\n \u0001é'))
      .map(([at, letter]) => good.slice(0, at) + letter + good.slice(at + 1));
    fc.assert(fc.property(changed, refusal), { numRuns: 1_000 });
    refusal(good + 'A'.repeat(maxEnvelopeLength));
  });

  it('is refused with arbitrary values for any claim', async () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(example)), fc.jsonValue({ maxDepth: 3 }), (name, value) => {
        const claims = { ...example, [name]: value } as Record<string, Json>;
        try {
          parseEnvelope(claims);
          expect(schema(claims)).toBe(true);
        } catch (error) {
          expect(error).toMatchObject({ code: 'envelope_malformed' });
        }
      }),
      { numRuns: 500 },
    );
  });
  const schema = new Ajv2020({ strict: true }).compile(structuredClone(envelopeSchema));
});

describe('an envelope in transport', () => {
  it('survives one HTTP field', async () => {
    const text = await signed();
    expect(toHttpField(text)).toEqual({ 'countersign-envelope': text });
    expect(fromHttpField(toHttpField(text))).toBe(text);
    expect(fromHttpField({ accept: '*/*' })).toBeUndefined();
    expect(() => fromHttpField({ 'countersign-envelope': [text, text] })).toThrow(refused('envelope_malformed'));
    expect(() => fromHttpField({ 'countersign-envelope': `${text}, ${text}` })).toThrow(refused('envelope_malformed'));
  });

  it('survives FIX ComplianceText', async () => {
    const text = await signed();
    expect(toFixField(text)).toBe(`2404=${text}\u0001`);
    expect(fromFixField(toFixField(text))).toBe(text);
    expect(fromFixField(`2404=${text}`)).toBe(text);
    expect(() => fromFixField(`58=${text}`)).toThrow(refused('envelope_malformed'));
    expect(() => fromFixField(`2404=${text}\u000158=x\u0001`)).toThrow(refused('envelope_malformed'));
  });

  it.each(['a.b.c\u000135=8', 'a.b.c\r\nset-cookie: x', 'a.b', '', 'a.b.c.d', `a.b.${'c'.repeat(9_000)}`])(
    'is refused with additional text: %j',
    (text) => {
      expect(() => toHttpField(text)).toThrow(refused('envelope_malformed'));
      expect(() => toFixField(text)).toThrow(refused('envelope_malformed'));
    },
  );
});

describe('the reference of a subject', () => {
  it('can be resolved only by the holder of the key and the principal id', () => {
    const reference = subjectReference('person:anna.keller', referenceKey);
    expect(reference).toMatch(/^[0-9A-Za-z_-]{43}$/);
    expect(isReferenceOf(reference, 'person:anna.keller', referenceKey)).toBe(true);
    expect(isReferenceOf(reference, 'person:anna.kelley', referenceKey)).toBe(false);
    expect(isReferenceOf(reference, 'person:anna.keller', Buffer.alloc(32, 8))).toBe(false);
    expect(isReferenceOf('', 'person:anna.keller', referenceKey)).toBe(false);
  });

  it('is not made with a guessable key', () => {
    expect(() => subjectReference('person:anna.keller', Buffer.alloc(31, 7))).toThrow('shorter than 32 bytes');
  });
});
