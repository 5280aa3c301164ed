import { CodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { CompactSign, compactVerify, importJWK } from 'jose';
import { describe, expect, it } from 'vitest';
import { encodeHeader, type JwsProblem, maxJwsLength, parseCompactJws, signCompactJws, verifyJws } from './jws.ts';
import { importVerificationKey, signatureAlgorithms } from './key-cache.ts';
import { encode, forge, makePair, signWith } from './testing/forge.ts';

const refuse = (problem: JwsProblem, detail: string) => new CodedError({ code: problem, category: 'invalid', detail });
const pair = makePair('ES256');
const key = importVerificationKey(pair.jwk);
const header = { alg: 'ES256', typ: 'JWT' };
const good = forge(pair, header, { a: 1 });

function read(text: string): unknown {
  return verifyJws(parseCompactJws(text, refuse), key, refuse);
}

describe('a compact JWS', () => {
  it.each(signatureAlgorithms)('signed by jose with %s verifies, and jose verifies ours', async (algorithm) => {
    const maker = makePair(algorithm);
    const ourKey = importVerificationKey(maker.jwk);
    const theirs = await new CompactSign(Buffer.from('{"a":1}'))
      .setProtectedHeader({ alg: algorithm })
      .sign(maker.privateKey);
    expect(verifyJws(parseCompactJws(theirs, refuse), ourKey, refuse)).toEqual({ a: 1 });
    const ours = await signCompactJws({ b: 2 }, encodeHeader({ alg: algorithm, typ: 'x' }), async (data) =>
      signWith(maker, data),
    );
    const verified = await compactVerify(ours, await importJWK(maker.jwk, algorithm));
    expect(JSON.parse(Buffer.from(verified.payload).toString())).toEqual({ b: 2 });
  });

  it.each([
    'none',
    'None',
    'NONE',
    'nOnE',
    '',
    'HS256',
    'RS256',
    'ES384',
    'es256',
    'Ed25519',
    ' ES256',
    null,
    0,
    ['ES256'],
    { toString: 'ES256' },
  ])('with the algorithm %j is refused', (alg) => {
    expect(() => read(forge(pair, { alg, typ: 'JWT' }, {}))).toThrow(expect.objectContaining({ code: 'algorithm' }));
  });

  it('without an algorithm is refused', () => {
    expect(() => read(forge(pair, { typ: 'JWT' }, {}))).toThrow(expect.objectContaining({ code: 'algorithm' }));
  });

  it.each(['crit', 'b64', 'zip', 'enc', 'jku', 'x5u', 'x5c', 'jwk'])(
    'with the header member %s is refused',
    (member) => {
      const value = member === 'b64' ? false : member === 'jwk' ? pair.jwk : ['exp'];
      expect(() => read(forge(pair, { ...header, [member]: value }, {}))).toThrow(
        expect.objectContaining({ code: 'malformed' }),
      );
    },
  );

  it('ignores an unknown header member (RFC 7515 section 4)', () => {
    expect(read(forge(pair, { ...header, 'x-trace': 1 }, { a: 1 }))).toEqual({ a: 1 });
  });

  const [head = '', body = '', signature = ''] = good.split('.');
  it.each([
    ['nothing', ''],
    ['dots alone', '..'],
    ['one part', head],
    ['two parts', `${head}.${body}`],
    ['four parts', `${good}.AAAA`],
    ['five parts, as a JWE has', `${good}.AAAA.AAAA`],
    ['an empty header', `.${body}.${signature}`],
    ['an empty payload', `${head}..${signature}`],
    ['an empty signature', `${head}.${body}.`],
    ['a JSON serialization', JSON.stringify({ protected: head, payload: body, signature })],
    ['padding', `${head}.${body}.${signature}==`],
    ['white space', ` ${good}`],
    ['a line break', `${good}\n`],
    [
      'base64 instead of base64url',
      `${encode('{"alg":"ES256","x":"~~~???"}').replaceAll('_', '/')}.${body}.${signature}`,
    ],
    ['trailing bits in the signature', `${head}.${body}.${signature.slice(0, -1)}${characterAfterLast(signature)}`],
    ['a header that is not JSON', `${encode('{"alg":')}.${body}.${signature}`],
    ['a header that is an array', `${encode([header])}.${body}.${signature}`],
    ['a header that is a string', `${encode('"ES256"')}.${body}.${signature}`],
    ['a payload that is text', `${head}.${encode('"text"')}.${signature}`],
    ['a payload that is null', `${head}.${encode('null')}.${signature}`],
    [
      'a payload that is not UTF-8',
      `${head}.${Buffer.from('{"a":"\xff"}', 'latin1').toString('base64url')}.${signature}`,
    ],
    ['a doubled header member', forge(pair, '{"alg":"ES256","alg":"ES256"}', {})],
    ['a doubled claim', forge(pair, header, '{"sub":"a","sub":"b"}')],
    ['a doubled claim, escaped', forge(pair, header, '{"sub":"a","s\\u0075b":"b"}')],
    ['a payload nested too deep', forge(pair, header, `{"a":${'['.repeat(100)}${']'.repeat(100)}}`)],
    ['a typ that is a number', forge(pair, { alg: 'ES256', typ: 5 }, {})],
    ['a kid that is an object', forge(pair, { alg: 'ES256', kid: {} }, {})],
    ['a text over the limit', forge(pair, header, { a: 'x'.repeat(maxJwsLength) })],
  ])('that is %s is refused as malformed', (_, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('is refused if the key is for an algorithm other than the header’s', () => {
    const ed = makePair('EdDSA');
    expect(() => read(forge(ed, { alg: 'EdDSA' }, {}))).toThrow(expect.objectContaining({ code: 'algorithm' }));
  });

  it.each([
    ['of another key', forge(makePair('ES256'), header, { a: 1 })],
    ['of zeros', `${head}.${body}.${Buffer.alloc(64).toString('base64url')}`],
    ['of a wrong length', `${head}.${body}.${Buffer.alloc(63, 1).toString('base64url')}`],
    ['over another payload', `${head}.${encode({ a: 2 })}.${signature}`],
    ['over another header', `${encode({ ...header, typ: 'other' })}.${body}.${signature}`],
  ])('with a signature %s is refused', (_, text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'signature' }));
  });

  it('never fails with anything but a coded error, whatever is sent', () => {
    const piece = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.json().map(encode),
      fc.constantFrom(head, body, signature, ''),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
        const text = pieces.join('.');
        if (text === good) return;
        expect(() => read(text)).toThrow(CodedError);
      }),
    );
  });
});

/**
 * Makes another text for the same bytes: the last character of 64 bytes is A, Q, g or w, and its four unused bits must be
 * zero.
 */
function characterAfterLast(text: string): string {
  return String.fromCharCode((text.codePointAt(text.length - 1) ?? 0) + 1);
}
