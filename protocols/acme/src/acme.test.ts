import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { CodedError, systemRandom } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createReplayNonces,
  importAccountKey,
  problemOfError,
  readAccountBinding,
  readCertificateIdentifier,
  readKeyChange,
  readNewOrder,
  readRevocation,
  readSignedRequest,
  verifyAccountBinding,
  verifySignedRequest,
  writeCertificateIdentifier,
} from './index.ts';

const url = 'https://ca.bank.example/acme/gateway/new-account';
const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

function keyOf(kind: 'P-256' | 'P-384' | 'P-521' | 'ed25519' | 'rsa') {
  const { privateKey, publicKey } =
    kind === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2048 })
      : kind === 'ed25519'
        ? generateKeyPairSync('ed25519')
        : generateKeyPairSync('ec', { namedCurve: kind });
  return { privateKey, jwk: publicKey.export({ format: 'jwk' }) };
}
const keys = {
  ES256: keyOf('P-256'),
  ES384: keyOf('P-384'),
  ES512: keyOf('P-521'),
  EdDSA: keyOf('ed25519'),
  RS256: keyOf('rsa'),
} as const;
const hashes = { ES256: 'sha256', ES384: 'sha384', ES512: 'sha512', EdDSA: null, RS256: 'sha256' } as const;

function jws(header: object, payload: unknown, alg: keyof typeof keys, key: KeyObject = keys[alg].privateKey) {
  const input = `${encode(header)}.${payload === '' ? '' : encode(payload)}`;
  const signature = sign(hashes[alg], Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  const [protectedHeader, body] = input.split('.');
  return JSON.stringify({ protected: protectedHeader, payload: body, signature: signature.toString('base64url') });
}
const codeOf = (work: () => unknown): string => {
  try {
    work();
    return 'accepted';
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return error.code;
  }
};

describe('a signed request', () => {
  it.each(Object.keys(keys) as (keyof typeof keys)[])('with %s verifies with its own key only', (alg) => {
    const { jwk } = keys[alg];
    const request = readSignedRequest(jws({ alg, nonce: 'abc', url, jwk }, { a: 1 }, alg), url);
    if (request.by !== 'key') throw new Error('it brings its key');
    expect(JSON.parse(verifySignedRequest(request, request.key).payload.toString())).toEqual({ a: 1 });
    for (const [other, { jwk: foreign }] of Object.entries(keys))
      if (other !== alg)
        expect(codeOf(() => verifySignedRequest(request, importAccountKey({ ...foreign } as never)))).toBe(
          'acme_unauthorized',
        );
  });

  const { jwk } = keys.ES256;
  const header = { alg: 'ES256', nonce: 'abc', url, jwk };
  it.each<readonly [string, object, string]>([
    ['another URL', { url: `${url}/` }, 'acme_unauthorized'],
    ['the URL in other letters', { url: url.replace('bank', 'BANK') }, 'acme_unauthorized'],
    ['no nonce', { nonce: undefined }, 'acme_nonce_bad'],
    ['a nonce that is not base64url', { nonce: 'a b' }, 'acme_nonce_bad'],
    ['both jwk and kid', { kid: 'https://x' }, 'acme_malformed'],
    ['neither', { jwk: undefined }, 'acme_malformed'],
    ['a kid that is a number', { jwk: undefined, kid: 1 }, 'acme_malformed'],
    ['a MAC', { alg: 'HS256' }, 'acme_algorithm_unsupported'],
    ['no algorithm', { alg: undefined }, 'acme_malformed'],
    ['none', { alg: 'none' }, 'acme_algorithm_unsupported'],
    ['crit', { crit: ['b64'] }, 'acme_malformed'],
    ['b64', { b64: false }, 'acme_malformed'],
    ['x5c', { x5c: [] }, 'acme_malformed'],
    ['a private key', { jwk: { ...jwk, d: 'AA' } }, 'acme_key_refused'],
    ['a symmetric key', { jwk: { kty: 'oct', k: 'AAAA' } }, 'acme_key_refused'],
    ['a point that is not on the curve', { jwk: { ...jwk, x: 'A'.repeat(43) } }, 'acme_key_refused'],
  ])('is refused with %s', (_, changes, code) => {
    expect(codeOf(() => readSignedRequest(jws({ ...header, ...changes }, {}, 'ES256'), url))).toBe(code);
  });

  it('that is not well formed is refused with a coded error (property)', () => {
    const text = jws(header, {}, 'ES256');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.nat(text.length - 1).map((at) => text.slice(0, at)),
        ),
        (body) => {
          expect(codeOf(() => readSignedRequest(body, url))).not.toBe('accepted');
        },
      ),
      { numRuns: 500 },
    );
  });

  it('with any octet of header or payload changed does not verify (property)', () => {
    const whole = JSON.parse(jws(header, { a: 'something longer' }, 'ES256')) as Readonly<Record<string, string>>;
    fc.assert(
      fc.property(
        fc.constantFrom('protected', 'payload', 'signature'),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (member, at, flip) => {
          const octets = Buffer.from(whole[member] ?? '', 'base64url');
          const place = at % octets.length;
          octets[place] = (octets[place] ?? 0) ^ flip;
          const changed = JSON.stringify({ ...whole, [member]: octets.toString('base64url') });
          const verify = () => {
            const request = readSignedRequest(changed, url);
            return verifySignedRequest(request, importAccountKey({ ...jwk } as never));
          };
          expect(codeOf(verify)).not.toBe('accepted');
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('an external account binding', () => {
  const secret = Buffer.alloc(32, 1);
  const accountKey = importAccountKey({ ...keys.ES256.jwk } as never);
  const bind = (header: object, payload: unknown = keys.ES256.jwk, key = secret) => {
    const [first, second] = [encode({ alg: 'HS256', kid: 'enr_1', url, ...header }), encode(payload)];
    const mac = createHmac('sha256', key).update(`${first}.${second}`).digest('base64url');
    return { protected: first, payload: second, signature: mac };
  };
  const verify = (binding: ReturnType<typeof bind>) => () =>
    verifyAccountBinding(readAccountBinding(binding, url), secret, accountKey);

  it('verifies with its secret, for this key and this URL', () => {
    expect(codeOf(verify(bind({})))).toBe('accepted');
    expect(codeOf(verify(bind({}, keys.ES256.jwk, Buffer.alloc(32, 2))))).toBe('acme_unauthorized');
    expect(codeOf(verify(bind({}, keys.EdDSA.jwk)))).toBe('acme_unauthorized');
    expect(codeOf(verify(bind({ url: `${url}?` })))).toBe('acme_malformed');
    expect(codeOf(verify(bind({ nonce: 'x' })))).toBe('acme_malformed');
    expect(codeOf(verify(bind({ alg: 'ES256' })))).toBe('acme_algorithm_unsupported');
    expect(codeOf(verify(bind({ kid: undefined })))).toBe('acme_malformed');
  });
});

describe('a key change', () => {
  const account = 'https://ca.bank.example/acme/gateway/account/enr_1';
  const key = importAccountKey({ ...keys.ES256.jwk } as never);
  const change = (header: object = {}, payload: object = {}, by: KeyObject = keys.EdDSA.privateKey) =>
    Buffer.from(
      jws(
        { alg: 'EdDSA', jwk: keys.EdDSA.jwk, url, ...header },
        { account, oldKey: keys.ES256.jwk, ...payload },
        'EdDSA',
        by,
      ),
    );

  it('names the account and its current key, and is signed with the new key', () => {
    const read = (payload: Buffer) => () => readKeyChange(payload, { url, account, key });
    expect(read(change())().thumbprint).toBe(importAccountKey({ ...keys.EdDSA.jwk } as never).thumbprint);
    expect(codeOf(read(change({}, {}, keyOf('ed25519').privateKey)))).toBe('acme_unauthorized');
    expect(codeOf(read(change({ nonce: 'x' })))).toBe('acme_malformed');
    expect(codeOf(read(change({}, { account: `${account}x` })))).toBe('acme_malformed');
    expect(codeOf(read(change({}, { oldKey: keys.EdDSA.jwk })))).toBe('acme_malformed');
  });
});

describe('nonces', () => {
  it('are accepted by every node with the same secret until they expire, and by no other', () => {
    const nonces = (fill: number) =>
      createReplayNonces({ secret: Buffer.alloc(32, fill), random: systemRandom, lifeMs: 1_000 });
    const nonce = nonces(1).make(5_000);
    expect(nonces(1).endOf(nonce, 6_000)).toBe(6_000);
    expect(nonces(1).endOf(nonce, 6_001)).toBeUndefined();
    expect(nonces(2).endOf(nonce, 5_000)).toBeUndefined();
    expect(nonces(1).make(5_000)).not.toBe(nonce);
    fc.assert(
      fc.property(fc.nat(33), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const octets = Buffer.from(nonce, 'base64url');
        octets[at] = (octets[at] ?? 0) ^ flip;
        expect(nonces(1).endOf(octets.toString('base64url'), 5_000)).toBeUndefined();
      }),
    );
    for (const other of ['', `${nonce}=`, `${nonce}A`, nonce.slice(1)])
      expect(nonces(1).endOf(other, 5_000)).toBeUndefined();
  });
});

describe('certificate identifiers', () => {
  it('have the encoding of RFC 9773 section 4.1', () => {
    const text = 'aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE';
    const identifier = readCertificateIdentifier(text);
    expect(identifier?.serial).toBe('87654321');
    expect(Buffer.from(identifier?.authorityKey ?? []).toString('hex')).toBe(
      '69885b6b87464041e1b37b847ba0ae2cde01c8d4',
    );
    expect(identifier && writeCertificateIdentifier(identifier)).toBe(text);
  });

  it.each([
    '',
    '.',
    'aYhb',
    'aYhb.',
    '.AIdl',
    'aYhb.AIdl.x',
    'aYhb.AAE',
    'aYhb.h2VD',
    'aYhb.AIdl=',
    'a b.AIdl',
    'x'.repeat(200),
  ])('refuse %j', (text) => expect(readCertificateIdentifier(text)).toBeUndefined());
});

describe('payloads', () => {
  const read = (payload: unknown) => () => readNewOrder(Buffer.from(JSON.stringify(payload)));
  const dns = (value: string) => ({ type: 'dns', value });
  it('of orders have distinct identifiers of known types, up to a limit, and no times', () => {
    expect(read({ identifiers: [dns('GW.bank.example')] })()).toEqual({ identifiers: [dns('gw.bank.example')] });
    expect(codeOf(read({ identifiers: [dns('a'), dns('A')] }))).toBe('acme_malformed');
    expect(codeOf(read({ identifiers: Array.from({ length: 21 }, (_, each) => dns(`h${each}`)) }))).toBe(
      'acme_malformed',
    );
    expect(codeOf(read({ identifiers: [dns('a')], notAfter: '2030-01-01T00:00:00Z' }))).toBe('acme_malformed');
    expect(codeOf(read({ identifiers: [{ type: 'ip', value: '::1' }] }))).toBe('acme_identifier_unsupported');
    expect(codeOf(read([]))).toBe('acme_malformed');
  });
  it('of revocations have a certificate in DER and a whole number as reason', () => {
    const revocation = (payload: object) => () => readRevocation(Buffer.from(JSON.stringify(payload)));
    expect(codeOf(revocation({ certificate: 'AAAA' }))).toBe('accepted');
    expect(codeOf(revocation({ certificate: 'AA AA' }))).toBe('acme_malformed');
    expect(codeOf(revocation({ certificate: 'AAAA', reason: 1.5 }))).toBe('acme_reason_refused');
    expect(codeOf(() => readRevocation(Buffer.from([0xff])))).toBe('acme_malformed');
  });
});

describe('problems', () => {
  it('have the types of RFC 8555; every other code is a server error', () => {
    const problem = (code: string) => problemOfError({ code, detail: 'x', facts: undefined }).type;
    expect(problem('acme_nonce_bad')).toBe('urn:ietf:params:acme:error:badNonce');
    expect(problem('log_unavailable')).toBe('urn:ietf:params:acme:error:serverInternal');
    expect(problem('constructor')).toBe('urn:ietf:params:acme:error:serverInternal');
  });
});
