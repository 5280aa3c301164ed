import { describe, expect, it } from 'vitest';
import { type AccessTokenExpectations, userinfoAudience, verifyAccessToken } from './access-token.ts';
import { importVerificationKey } from './key-cache.ts';
import { audience, fullClaims, issuer, now, seconds } from './testing/access-tokens.ts';
import { forge, makePair } from './testing/forge.ts';
import { createTokenMemory } from './token-memory.ts';

const pair = makePair('ES256');
const key = importVerificationKey(pair.jwk);
const other = importVerificationKey(makePair('ES256').jwk);
const kid = 'signing-key';
const header = { alg: 'ES256', typ: 'at+jwt', kid };
const claims = fullClaims(key.thumbprint);

/** A verifier with a memory that has already verified a token. */
function afterOne(token = forge(pair, header, claims), expected: Partial<AccessTokenExpectations> = {}) {
  const memory = createTokenMemory();
  const verify = (presented = token, change: Partial<AccessTokenExpectations> = {}) =>
    verifyAccessToken(presented, {
      issuer,
      acceptsAudience: (asked) => asked === audience,
      keyOf: (asked) => (asked === kid ? key : undefined),
      now,
      memory,
      ...expected,
      ...change,
    });
  return { verify, token, memory, first: verify() };
}

const refusedAs = (code: string) => expect.objectContaining({ code });

describe('an access token that was verified before', () => {
  it('is returned as it was the first time', () => {
    const { verify, first } = afterOne();
    expect(first.claims).toEqual(claims);
    expect(verify()).toBe(first);
  });

  it('cannot be changed by a caller that receives it', () => {
    const { first } = afterOne();
    expect(() => Object.assign(first.claims, { sub: 'person:mallory' })).toThrow(TypeError);
    expect(() => Array.prototype.push.call(first.scope, 'directory:apply')).toThrow(TypeError);
    expect(() => Object.assign(first.claims.authorization_details?.[0] ?? {}, { side: 'SELL' })).toThrow(TypeError);
  });

  it.each<[string, string, Partial<AccessTokenExpectations>]>([
    ['has expired meanwhile', 'token_expired', { now: now + 300_000 }],
    ['is presented to another audience', 'token_audience', { acceptsAudience: (asked) => asked === `${audience}/2` }],
    ['is judged by a clock far behind', 'token_invalid', { now: now - 60_000 }],
    ['is presented where another issuer is expected', 'token_issuer', { issuer: `${issuer}/other` }],
    ['is signed by a key that has been withdrawn', 'token_key_unknown', { keyOf: () => undefined }],
    ['names a key that is another one now', 'token_signature', { keyOf: () => other }],
  ])('is refused when it %s', (_, code, change) => {
    const { verify } = afterOne();
    expect(() => verify(undefined, change)).toThrow(refusedAs(code));
    // The memory keeps the token: it is still accepted for its own audience while it is valid.
    expect(verify().claims).toEqual(claims);
  });

  it('is refused before its start although it is cached', () => {
    const { verify } = afterOne(forge(pair, header, { ...claims, nbf: seconds }));
    expect(() => verify(undefined, { now: now - 11_000 })).toThrow(refusedAs('token_invalid'));
  });

  it('does not make a text valid that differs in one character, at any position', () => {
    const { verify, token } = afterOne();
    for (let at = 0; at < token.length; at += 1) {
      const changed = token.slice(0, at) + (token[at] === 'A' ? 'B' : 'A') + token.slice(at + 1);
      expect(() => verify(changed)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^token_/) }));
    }
    for (const longer of [`${token}A`, `${token}=`, `${token}.`, ` ${token}`])
      expect(() => verify(longer)).toThrow(expect.objectContaining({ code: expect.stringMatching(/^token_/) }));
  });

  it('may be unbound only if its verifier allows it', () => {
    const { cnf: _, ...rest } = claims;
    const unbound = { ...rest, aud: userinfoAudience(issuer), scope: 'openid' };
    const { verify } = afterOne(forge(pair, header, unbound), {
      acceptsAudience: (asked) => asked === userinfoAudience(issuer),
      allowUnbound: true,
    });
    expect(verify().claims).toEqual(unbound);
    expect(() => verify(undefined, { allowUnbound: false })).toThrow(refusedAs('token_invalid'));
  });
});

describe('the cache of tokens', () => {
  const tokens = Array.from({ length: 7 }, (_, index) =>
    forge(pair, header, { ...claims, jti: `tok_01k9z3m8q4d6s0v2x5y7a9b1c${index}` }),
  );
  const met = (memory = createTokenMemory({ maxTokens: 2 })) => ({
    memory,
    verify: (token: string, at = now) =>
      verifyAccessToken(token, { issuer, acceptsAudience: () => true, keyOf: () => key, now: at, memory }),
    remembered: () => tokens.filter((token) => memory.recall(token, () => key) !== undefined).length,
  });

  it('is bounded: an unused token is dropped and verified again later', () => {
    const { verify, remembered } = met();
    const first = verify(tokens[0] ?? '');
    for (const token of tokens) verify(token);
    expect(remembered()).toBeLessThanOrEqual(4);
    expect(verify(tokens[0] ?? '')).not.toBe(first);
  });

  it('stores nothing that was refused', () => {
    const { verify, remembered, memory } = met();
    const [token = ''] = tokens;
    for (const presented of [`${token.slice(0, -4)}AAAA`, token.slice(0, -1)])
      expect(() => verify(presented)).toThrow(
        refusedAs(presented.length === token.length ? 'token_signature' : 'token_invalid'),
      );
    expect(() => verify(token, now + 300_000)).toThrow(refusedAs('token_expired'));
    expect(remembered()).toBe(0);
    expect(memory.recall('', () => key)).toBeUndefined();
  });

  it('does not store very long tokens', () => {
    const { verify, memory } = met();
    const long = forge(pair, header, { ...claims, padding: 'x'.repeat(4_096) });
    expect(verify(long).claims).toEqual(claims);
    expect(memory.recall(long, () => key)).toBeUndefined();
  });
});
