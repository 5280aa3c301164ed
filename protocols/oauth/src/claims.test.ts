import { errorVocabulary } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { type ClaimFault, type ClaimRefusal, type ClaimRules, checkClaims } from './claims.ts';
import type { JsonObject } from './jws.ts';

const errors = errorVocabulary({
  issuer: 'invalid',
  audience: 'invalid',
  time: 'invalid',
  ahead: 'invalid',
  age: 'invalid',
  expired: 'invalid',
  lifetime: 'invalid',
  id: 'invalid',
});
const refuse: ClaimRefusal = (fault, detail) => errors.error(fault, detail);

const now = 1_700_000_000;
const claims = { iss: 'https://as.example', aud: 'desk', iat: now - 5, exp: now + 60, jti: 'one' };
const rules: ClaimRules<'exp' | 'iat' | 'jti'> = {
  nowSeconds: now,
  required: ['exp', 'iat', 'jti'],
  issuer: 'https://as.example',
  audience: ['desk'],
  maxLifetimeSeconds: 300,
};
const check = (changed: JsonObject, other: Partial<typeof rules> = {}) =>
  checkClaims({ ...claims, ...changed }, { ...rules, ...other }, refuse);

describe('the registered claims of a JWT', () => {
  it('are returned if they follow the rules', () => {
    expect(check({})).toEqual({ exp: now + 60, iat: now - 5, nbf: undefined, jti: 'one' });
    expect(check({ exp: now + 0.5, iat: now + 10, nbf: now + 10 }).exp).toBe(now + 0.5);
  });

  const faults: readonly (readonly [ClaimFault, JsonObject, Partial<typeof rules>?])[] = [
    ['issuer', { iss: 'https://other.example' }],
    ['issuer', { iss: ['https://as.example'] }],
    ['audience', { aud: 'other' }],
    ['audience', { aud: ['desk'] }],
    ['audience', { aud: ['desk', 'other'] }, { audienceArray: 'one' }],
    ['audience', { aud: ['desk', 7] }, { audienceArray: 'several' }],
    ['audience', { aud: Array.from({ length: 9 }, () => 'desk') }, { audienceArray: 'several' }],
    ['audience', { aud: 'desk' }, { audience: () => false }],
    ['time', { exp: '2030' }],
    ['time', { iat: -1 }],
    ['time', { exp: 253_402_300_800 }],
    ['ahead', { iat: now + 11 }],
    ['ahead', { nbf: now + 11 }],
    ['ahead', { nbf: 'soon' }],
    ['ahead', { nbf: null }],
    ['ahead', { iat: now + 1 }, { skewSeconds: 0 }],
    ['age', { iat: now - 61 }, { maxAgeSeconds: 60 }],
    ['age', { exp: now + 60 }, { maxAgeSeconds: 60, startsAt: 'nbf' }],
    ['expired', { exp: now }],
    ['expired', { iat: now - 60 }, { expiresAfterSeconds: 60 }],
    ['lifetime', { exp: now + 296 }],
    ['lifetime', { nbf: now - 250 }, { startsAt: 'nbf' }],
    ['lifetime', { exp: now + 311 }, { startsAt: 'now' }],
    ['id', { jti: '' }],
    ['id', { jti: 'a'.repeat(129) }],
    ['id', { jti: 7 }],
  ];
  for (const [fault, changed, other] of faults)
    it(`are refused for the fault ${fault}: ${JSON.stringify(changed)} ${JSON.stringify(other ?? {})}`, () => {
      expect(() => check(changed, other)).toThrow(expect.objectContaining({ code: fault }));
    });

  it('may be an array of audiences if the rules allow one', () => {
    check({ aud: ['desk'] }, { audienceArray: 'one' });
    check({ aud: ['other', 'desk'] }, { audienceArray: 'several' });
  });

  it('are checked if present, although none is required', () => {
    const optional = (changed: JsonObject) => checkClaims(changed, { nowSeconds: now, required: [] }, refuse);
    expect(optional({})).toEqual({ exp: undefined, iat: undefined, nbf: undefined, jti: undefined });
    expect(() => optional({ exp: now })).toThrow('expired');
    expect(() => optional({ exp: 'never' })).toThrow('expired');
    expect(() => optional({ iat: now + 11 })).toThrow('ahead');
  });

  it('are never taken from a prototype', () => {
    const inherited: JsonObject = Object.create({ ...claims, exp: now + 60 });
    expect(() => checkClaims(inherited, rules, refuse)).toThrow(expect.objectContaining({ code: 'issuer' }));
  });

  it('may have expired if the caller accepts it, and are never valid for longer', () => {
    check({ exp: now - 1 }, { acceptExpired: true });
    expect(() => check({ exp: now + 296 }, { acceptExpired: true })).toThrow(
      expect.objectContaining({ code: 'lifetime' }),
    );
  });
});
