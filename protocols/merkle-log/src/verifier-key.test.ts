import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createVerifierKey, formatVerifierKey, parseVerifierKey } from './index.ts';
import { signingKey } from './testing/signing-key.ts';

// The verifier keys of the specification and of the public test log.
const published = [
  'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k',
  'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx',
];

describe('verifier key', () => {
  it('is read and written as published', () => {
    for (const text of published) {
      const parsed = parseVerifierKey(text);
      expect(parsed.ok && formatVerifierKey(parsed.key)).toBe(text);
    }
  });

  it('has another id for each name and signature type over the same public key', () => {
    const publicKey = Buffer.alloc(32, 9);
    const ids = [
      createVerifierKey({ name: 'a', type: 'ed25519', publicKey }),
      createVerifierKey({ name: 'a', type: 'ed25519-cosignature', publicKey }),
      createVerifierKey({ name: 'b', type: 'ed25519', publicKey }),
    ].map((key) => key.keyId);
    expect(new Set(ids).size).toBe(3);
  });

  it('keeps leading zeros of its id', () => {
    let number = 0;
    let key = signingKey('log/0').key;
    while (key.keyId > 0x0fffffff) key = signingKey(`log/${++number}`).key;
    const parsed = parseVerifierKey(formatVerifierKey(key));
    expect(parsed.ok && parsed.key.keyId).toBe(key.keyId);
  });

  it('is refused if it is malformed', () => {
    const [text = ''] = published;
    const [name = '', id = '', material = ''] = text.split('+');
    const malformed = [
      '',
      '+',
      '++',
      `+${id}+${material}`,
      `${name}+${id}`,
      `${name}+${id}+`,
      `${name}+${id.toUpperCase()}+${material}`,
      `${name}+${id.slice(1)}+${material}`,
      `na me+${id}+${material}`,
      `na\u00a0me+${id}+${material}`,
      `na\u0001me+${id}+${material}`,
      `${text}\n`,
      `${text}=`,
      ` ${text}`,
      `${name}+${id}+${Buffer.alloc(32, 1).toString('base64')}`,
      `${name}+${id}+${Buffer.alloc(34, 1).toString('base64')}`,
      `${name}+${id}+${'A'.repeat(100_000)}`,
    ];
    for (const bad of malformed)
      expect(parseVerifierKey(bad), bad.slice(0, 80)).toEqual({ ok: false, reason: 'malformed' });
  });

  it('is refused if its id does not match its name and key', () => {
    const [text = ''] = published;
    for (const bad of [text.replace('530d903a', '530d903b'), text.replace('foo', 'bar')])
      expect(parseVerifierKey(bad)).toEqual({ ok: false, reason: 'wrong_key_id' });
  });

  it('is refused for unsupported signature types', () => {
    for (const type of [0x00, 0x02, 0x05, 0x06, 0xff]) {
      const material = Buffer.concat([Buffer.of(type), Buffer.alloc(32)]).toString('base64');
      expect(parseVerifierKey(`name+00000000+${material}`)).toEqual({ ok: false, reason: 'unsupported_type' });
    }
  });

  it('returns a union for any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(parseVerifierKey(text).ok).toBe(false);
      }),
    );
  });

  it('is not made with an invalid name or key', () => {
    const publicKey = Buffer.alloc(32);
    for (const parts of [
      { name: '', publicKey },
      { name: 'a b', publicKey },
      { name: 'a+b', publicKey },
      { name: 'a\u2003b', publicKey },
      { name: 'a\ud800', publicKey },
      { name: 'a', publicKey: Buffer.alloc(31) },
    ])
      expect(() => createVerifierKey({ ...parts, type: 'ed25519' })).toThrow(
        expect.toSatisfy((error) => isCodedError(error, 'verifier_key_unusable')),
      );
  });
});
