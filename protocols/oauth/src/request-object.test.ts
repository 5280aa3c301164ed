import { describe, expect, it } from 'vitest';
import { parseAuthorizationRequest } from './authorization-request.ts';
import { importVerificationKey } from './key-cache.ts';
import type { RegisteredKey } from './registered-key.ts';
import {
  composeRequestObject,
  maxRequestObjectLength,
  requestObjectHeader,
  signRequestObject,
  verifyRequestObject,
} from './request-object.ts';
import { forge, makePair, signWith } from './testing/forge.ts';

const issuer = 'https://as.example';
const now = 1_800_000_000_000;
const seconds = now / 1000;
const pair = makePair('ES256');
const other = makePair('ES256');
const registered: RegisteredKey = { kid: 'k1', key: importVerificationKey(pair.jwk) };
const header = { alg: 'ES256', kid: 'k1', typ: 'oauth-authz-req+jwt' };
const parameters = {
  response_type: 'code',
  redirect_uri: 'https://rp.example/cb',
  code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  code_challenge_method: 'S256',
  max_age: 60,
  authorization_details: [{ type: 'urn:example:detail' }],
};
const claims = { ...parameters, client_id: 'oms', iss: 'oms', aud: issuer, nbf: seconds, exp: seconds + 300 };

function verify(text: string, keys: readonly RegisteredKey[] | undefined = [registered], clientId = 'oms') {
  return verifyRequestObject(text, { issuer, clientId, now, keysOf: (id) => (id === 'oms' ? keys : undefined) });
}

describe('a request object', () => {
  it('returns the parameters and the key that signed them, without its own claims', () => {
    const verified = verify(forge(pair, header, { ...claims, iat: seconds, jti: 'r-1', sub: 'person:1' }));
    expect(Object.fromEntries(verified.parameters)).toEqual({ ...parameters, client_id: 'oms' });
    expect(verified.keyThumbprint).toBe(registered.key.thumbprint);
  });

  it('that we compose and sign is accepted and returns the request', async () => {
    const composed = composeRequestObject({ audience: issuer, clientId: 'oms', parameters, now });
    const text = await signRequestObject(
      composed,
      requestObjectHeader({ kid: 'k1', algorithm: 'ES256' }),
      async (input) => signWith(pair, input),
    );
    expect(parseAuthorizationRequest(verify(text).parameters)).toMatchObject({
      clientId: 'oms',
      maxAgeSeconds: 60,
      authorizationDetails: parameters.authorization_details,
    });
  });

  it.each([undefined, 'JWT', 'jwt', 'oauth-authz-req+jwt', 'application/OAuth-Authz-Req+JWT'])(
    'may have the typ %s',
    (typ) => {
      expect(verify(forge(pair, { ...header, typ }, claims)).parameters.get('client_id')).toBe('oms');
    },
  );

  it.each(['client-authentication+jwt', 'dpop+jwt', 'at+jwt', 'txntoken+jwt', 'oauth-id-jag+jwt', 'logout+jwt', ''])(
    'is refused with the typ %j of another kind of token',
    (typ) => {
      expect(() => verify(forge(pair, { ...header, typ }, claims))).toThrow(
        expect.objectContaining({ code: 'request_object_type', category: 'invalid' }),
      );
    },
  );

  it.each([
    ['the issuer', issuer],
    ['an array with the issuer', [issuer]],
    ['an array with the issuer and another', ['https://elsewhere.example', issuer]],
  ])('is accepted when its audience is %s (FAPI 2.0 Message Signing)', (_, aud) => {
    expect(verify(forge(pair, header, { ...claims, aud })).parameters.size).toBeGreaterThan(0);
  });

  it.each([
    ['absent', undefined, 'request_object_audience'],
    ['another issuer', 'https://evil.example', 'request_object_audience'],
    ['an endpoint of the issuer', `${issuer}/par`, 'request_object_audience'],
    ['an array without the issuer', ['https://evil.example'], 'request_object_audience'],
    ['an empty array', [], 'request_object_audience'],
    ['an array with something else', [issuer, 5], 'request_object_audience'],
    ['an array of nine', Array(9).fill(issuer), 'request_object_audience'],
    ['an object', { [issuer]: true }, 'request_object_audience'],
  ])('is refused when its audience is %s', (_, aud, code) => {
    expect(() => verify(forge(pair, header, { ...claims, aud }))).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    ['iss is missing', { iss: undefined }, 'request_object_issuer'],
    ['iss is another client', { iss: 'other' }, 'request_object_issuer'],
    ['iss is an array', { iss: ['oms'] }, 'request_object_issuer'],
    ['client_id is missing', { client_id: undefined }, 'request_object_client'],
    ['client_id is another client', { client_id: 'other' }, 'request_object_client'],
    ['client_id is an array', { client_id: ['oms'] }, 'request_object_client'],
    ['sub is the client, as in a client assertion', { sub: 'oms' }, 'request_object_subject'],
    ['it holds a request', { request: 'a.b.c' }, 'request_object_nested'],
    ['it holds a request_uri', { request_uri: 'urn:example:1' }, 'request_object_nested'],
    ['it holds a request that is null', { request: null }, 'request_object_nested'],
    ['nbf is missing', { nbf: undefined }, 'request_object_time'],
    ['nbf is text', { nbf: String(seconds) }, 'request_object_time'],
    ['nbf is 11 seconds ahead', { nbf: seconds + 11 }, 'request_object_time'],
    ['iat is 11 seconds ahead', { iat: seconds + 11 }, 'request_object_time'],
    ['nbf is 60 minutes and a second old', { nbf: seconds - 3_601 }, 'request_object_time'],
    ['exp is missing', { exp: undefined }, 'request_object_time'],
    ['exp is beyond every calendar', { exp: 9e15 }, 'request_object_time'],
    ['exp is a number that JSON does not keep', { exp: 1e300 }, 'request_object_malformed'],
    ['it has expired', { exp: seconds }, 'request_object_expired'],
    ['exp is 60 minutes and a second after nbf', { exp: seconds + 3_601 }, 'request_object_lifetime'],
    ['nbf is older and its life too long', { nbf: seconds - 3_000, exp: seconds + 601 }, 'request_object_lifetime'],
  ])('is refused when %s', (_, change, code) => {
    expect(() => verify(forge(pair, header, { ...claims, ...change }))).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    ['nbf and iat are 10 seconds ahead', { nbf: seconds + 10, iat: seconds + 10 }],
    ['it is good for 60 minutes', { exp: seconds + 3_600 }],
    ['nbf is nearly 60 minutes old', { nbf: seconds - 3_599, exp: seconds + 1 }],
  ])('is accepted when %s', (_, change) => {
    expect(verify(forge(pair, header, { ...claims, ...change })).parameters.size).toBeGreaterThan(0);
  });

  it.each([{ other: 'a\u0000' }, { 'a\u0000': 1 }, { claims: { userinfo: [{ x: '\u0000' }] } }])(
    'is refused when it holds U+0000 anywhere: %j',
    (change) => {
      expect(() => verify(forge(pair, header, { ...claims, ...change }))).toThrow(
        expect.objectContaining({ code: 'request_object_malformed' }),
      );
    },
  );

  it('is refused for a client without such a key, or with several that fit and no kid', () => {
    const unknown = forge(pair, { ...header, kid: 'k2' }, claims);
    for (const keys of [[registered], [], undefined])
      expect(() => verify(unknown, keys)).toThrow(expect.objectContaining({ code: 'request_object_key' }));
    const untitled = forge(pair, { ...header, kid: undefined }, claims);
    expect(verify(untitled).keyThumbprint).toBe(registered.key.thumbprint);
    const both = [registered, { kid: 'k2', key: importVerificationKey(other.jwk) }];
    expect(() => verify(untitled, both)).toThrow(expect.objectContaining({ code: 'request_object_key' }));
  });

  it('of one client is not accepted from another', () => {
    expect(() => verify(forge(pair, header, claims), [registered], 'other')).toThrow(
      expect.objectContaining({ code: 'request_object_issuer' }),
    );
  });

  it.each([
    ['signed by another key', forge(other, header, claims), 'request_object_signature'],
    ['with alg none', `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.AA`, 'request_object_algorithm'],
    ['with a key in its header', forge(pair, { ...header, jwk: pair.jwk }, claims), 'request_object_malformed'],
    ['with a key set in its header', forge(pair, { ...header, jku: issuer }, claims), 'request_object_malformed'],
    ['with a doubled parameter', forge(pair, header, '{"iss":"oms","iss":"oms"}'), 'request_object_malformed'],
    ['that holds another JWT', forge(pair, header, 'a.b.c'), 'request_object_malformed'],
    [
      'that is too long',
      forge(pair, header, { ...claims, state: 'x'.repeat(maxRequestObjectLength) }),
      'request_object_malformed',
    ],
  ])('%s is refused', (_, text, code) => {
    expect(() => verify(text)).toThrow(expect.objectContaining({ code }));
  });
});
