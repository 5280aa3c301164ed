import { describe, expect, it } from 'vitest';
import { type RegisteredKey, verifyClientAssertion } from './client-assertion.ts';
import { importVerificationKey } from './key-cache.ts';
import { forge, makePair } from './testing/forge.ts';

const issuer = 'https://as.example';
const now = 1_800_000_000_000;
const seconds = now / 1000;
const pair = makePair('ES256');
const other = makePair('ES256');
const registered: RegisteredKey = { kid: 'k1', key: importVerificationKey(pair.jwk) };
const header = { alg: 'ES256', kid: 'k1' };
const claims = { iss: 'oms', sub: 'oms', aud: issuer, jti: 'j-1', iat: seconds, exp: seconds + 60 };

function verify(assertion: string, keys: readonly RegisteredKey[] = [registered]) {
  return verifyClientAssertion(assertion, { issuer, now, keysOf: (id) => (id === 'oms' ? keys : undefined) });
}

describe('a client assertion', () => {
  it('authenticates the client and returns how long its id must be remembered', async () => {
    expect(await verify(forge(pair, header, claims))).toEqual({
      clientId: 'oms',
      jti: 'j-1',
      expiresAt: (seconds + 60 + 10) * 1000,
      keyThumbprint: registered.key.thumbprint,
    });
  });

  it.each([undefined, 'JWT', 'jwt', 'client-authentication+jwt', 'application/Client-Authentication+JWT'])(
    'may have the typ %s',
    async (typ) => {
      expect((await verify(forge(pair, { ...header, typ }, claims))).clientId).toBe('oms');
    },
  );

  it.each([
    'dpop+jwt',
    'at+jwt',
    'application/at+jwt',
    'countersign-approval+jwt',
    'oauth-authz-req+jwt',
    'secevent+jwt',
    '',
  ])('is refused with the typ %j of another kind of token', async (typ) => {
    await expect(verify(forge(pair, { ...header, typ }, claims))).rejects.toThrow(
      expect.objectContaining({ code: 'client_assertion_type' }),
    );
  });

  it.each([
    ['an array with the issuer', [issuer]],
    ['an array with the issuer and another', [issuer, 'https://elsewhere.example']],
    ['the token endpoint', `${issuer}/token`],
    ['the issuer with a slash', `${issuer}/`],
    ['the issuer in upper case', issuer.toUpperCase()],
    ['another issuer', 'https://evil.example'],
    ['an object', { iss: issuer }],
    ['null', null],
    ['absent', undefined],
  ])('is refused when its audience is %s', async (_, aud) => {
    await expect(verify(forge(pair, header, { ...claims, aud }))).rejects.toThrow(
      expect.objectContaining({ code: 'client_assertion_audience' }),
    );
  });

  it('may name another audience if the client is allowed to, as one string and never as an array', async () => {
    const tokenEndpoint = `${issuer}/token`;
    const relaxed = (aud: unknown, allowedTo = 'oms') =>
      verifyClientAssertion(forge(pair, header, { ...claims, aud }), {
        issuer,
        now,
        keysOf: () => [registered],
        acceptedAudiences: (clientId) => (clientId === allowedTo ? [tokenEndpoint] : []),
      });
    expect((await relaxed(tokenEndpoint)).clientId).toBe('oms');
    expect((await relaxed(issuer)).clientId).toBe('oms');
    for (const refused of [[tokenEndpoint], [issuer, tokenEndpoint], `${issuer}/par`, `${tokenEndpoint}/`, undefined])
      await expect(relaxed(refused)).rejects.toThrow(expect.objectContaining({ code: 'client_assertion_audience' }));
    await expect(relaxed(tokenEndpoint, 'another')).rejects.toThrow(
      expect.objectContaining({ code: 'client_assertion_audience' }),
    );
  });

  it.each([
    ['iss is missing', { iss: undefined }],
    ['sub is missing', { sub: undefined }],
    ['sub is another client', { sub: 'other' }],
    ['iss is another client', { iss: 'other' }],
    ['iss and sub are arrays', { iss: ['oms'], sub: ['oms'] }],
    ['iss and sub are empty', { iss: '', sub: '' }],
  ])('is refused when %s', async (_, change) => {
    await expect(verify(forge(pair, header, { ...claims, ...change }))).rejects.toThrow(
      expect.objectContaining({ code: 'client_assertion_issuer' }),
    );
  });

  it.each([
    ['is missing', undefined],
    ['is empty', ''],
    ['is a number', 7],
    ['has 129 characters', 'x'.repeat(129)],
  ])('is refused when its jti %s', async (_, jti) => {
    await expect(verify(forge(pair, header, { ...claims, jti }))).rejects.toThrow(
      expect.objectContaining({ code: 'client_assertion_id' }),
    );
  });

  it.each([
    ['it has expired', { exp: seconds }, 'client_assertion_expired'],
    ['it expired long ago', { iat: 1, exp: 2 }, 'client_assertion_expired'],
    ['exp is missing', { exp: undefined }, 'client_assertion_time'],
    ['exp is text', { exp: String(seconds + 60) }, 'client_assertion_time'],
    ['exp is negative', { exp: -1 }, 'client_assertion_time'],
    ['exp is beyond every calendar', { exp: 9e15 }, 'client_assertion_time'],
    ['exp is a number that JSON does not keep', { exp: 1e300 }, 'client_assertion_malformed'],
    ['iat is 11 seconds ahead', { iat: seconds + 11 }, 'client_assertion_time'],
    ['iat is 61 seconds ahead', { iat: seconds + 61, exp: seconds + 90 }, 'client_assertion_time'],
    ['iat is text', { iat: 'now' }, 'client_assertion_time'],
    ['nbf is 11 seconds ahead', { nbf: seconds + 11 }, 'client_assertion_time'],
    ['nbf is null', { nbf: null }, 'client_assertion_time'],
    ['it lives for 301 seconds', { iat: seconds, exp: seconds + 301 }, 'client_assertion_lifetime'],
    ['it is old and was made for longer', { iat: seconds - 200, exp: seconds + 101 }, 'client_assertion_lifetime'],
    ['it has no iat and 311 seconds left', { iat: undefined, exp: seconds + 311 }, 'client_assertion_lifetime'],
    ['iat is ahead to lengthen its life', { iat: seconds + 10, exp: seconds + 311 }, 'client_assertion_lifetime'],
  ])('is refused when %s', async (_, change, code) => {
    await expect(verify(forge(pair, header, { ...claims, ...change }))).rejects.toThrow(
      expect.objectContaining({ code }),
    );
  });

  it.each([
    ['iat and nbf are 10 seconds ahead', { iat: seconds + 10, nbf: seconds + 10 }],
    ['it has no iat', { iat: undefined }],
    ['it lives for 300 seconds', { exp: seconds + 300 }],
  ])('is accepted when %s', async (_, change) => {
    expect((await verify(forge(pair, header, { ...claims, ...change }))).clientId).toBe('oms');
  });

  it.each([
    ['an unknown client', forge(pair, header, { ...claims, iss: 'nobody', sub: 'nobody' })],
    ['an unknown kid', forge(pair, { ...header, kid: 'k2' }, claims)],
    ['an algorithm that no key of the client has', forge(makePair('EdDSA'), { alg: 'EdDSA', kid: 'k1' }, claims)],
  ])('of %s is refused with the same message', async (_, assertion) => {
    await expect(verify(assertion)).rejects.toThrow(
      expect.objectContaining({
        code: 'client_assertion_key',
        detail: expect.stringContaining('No client of this name has'),
      }),
    );
  });

  it('needs no kid if only one key fits, and needs one if several do', async () => {
    const assertion = forge(pair, { alg: 'ES256' }, claims);
    expect((await verify(assertion)).clientId).toBe('oms');
    const both = [registered, { kid: 'k2', key: importVerificationKey(other.jwk) }];
    await expect(verify(assertion, both)).rejects.toThrow(expect.objectContaining({ code: 'client_assertion_key' }));
    expect((await verify(forge(other, { alg: 'ES256', kid: 'k2' }, claims), both)).clientId).toBe('oms');
  });

  it('signed by another key is refused, whatever it claims', async () => {
    await expect(verify(forge(other, header, claims))).rejects.toThrow(
      expect.objectContaining({ code: 'client_assertion_signature' }),
    );
  });

  it('is refused as malformed or for its algorithm with its own error codes', async () => {
    await expect(verify('a.b')).rejects.toThrow(
      expect.objectContaining({ code: 'client_assertion_malformed', category: 'unauthenticated' }),
    );
    await expect(verify(forge(pair, { alg: 'nOne', kid: 'k1' }, claims))).rejects.toThrow(
      expect.objectContaining({ code: 'client_assertion_algorithm' }),
    );
    await expect(verify(forge(pair, { ...header, jwk: pair.jwk }, claims))).rejects.toThrow(
      expect.objectContaining({ code: 'client_assertion_malformed' }),
    );
  });
});
