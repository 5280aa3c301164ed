import type { Digest } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { importVerificationKey } from './key-cache.ts';
import { isRevoked, revocationKey } from './revocation-key.ts';
import {
  maxRevocationEntries,
  revocationListHeader,
  signRevocationList,
  verifyRevocationList,
} from './revocation-list.ts';
import { issuer, now, seconds } from './testing/access-tokens.ts';
import { forge, makePair, signWith } from './testing/forge.ts';

const pair = makePair('ES256');
const key = importVerificationKey(pair.jwk);
const header = { alg: 'ES256', typ: 'revocation-list+jwt', kid: key.thumbprint };
const entry = { key: revocationKey({ kind: 'client', id: 'vwap-engine' }), before: seconds - 5 };
const claims = { iss: issuer, iat: seconds, exp: seconds + 60, version: 7, entries: [entry] };

function verify(text: string, at = now) {
  return verifyRevocationList(text, {
    issuer,
    keyOf: (kid) => (kid === key.thumbprint ? key : undefined),
    now: at,
  });
}

function sign(entries: readonly { readonly key: Digest; readonly before: number }[], version = 7) {
  return signRevocationList(
    { version, entries },
    { issuer, now },
    revocationListHeader({ kid: key.thumbprint, algorithm: 'ES256' }),
    async (data) => signWith(pair, data),
  );
}

describe('a revocation list', () => {
  it('that we sign verifies with the same content', async () => {
    const list = verify(await sign([entry]));
    expect(list).toEqual({
      version: 7,
      issuedAt: now,
      expiresAt: now + 60_000,
      revoked: new Map([[entry.key, entry.before]]),
    });
  });

  it('may be empty, and may have the maximum length', async () => {
    expect(verify(await sign([])).revoked.size).toBe(0);
    const entries = Array.from({ length: maxRevocationEntries }, (_, index) => ({
      key: revocationKey({ kind: 'token', id: `${index}` }),
      before: seconds,
    }));
    expect(verify(await sign(entries, Number.MAX_SAFE_INTEGER)).revoked.size).toBe(maxRevocationEntries);
    await expect(sign([...entries, entry])).rejects.toMatchObject({ code: 'revocation_list_too_large' });
    const tooLong = forge(pair, header, { ...claims, entries: [...entries, entry] });
    expect(() => verify(tooLong)).toThrow(expect.objectContaining({ code: 'revocation_list_too_large' }));
  });

  it('with a repeated entry counts the later time', () => {
    const entries = [entry, { ...entry, before: seconds }, { ...entry, before: seconds - 60 }];
    const { revoked } = verify(forge(pair, header, { ...claims, entries }));
    expect(revoked.get(entry.key)).toBe(seconds);
    expect(isRevoked(revoked, tokenIssuedAt(seconds))).toBe(true);
  });

  it.each([undefined, 'JWT', 'at+jwt', 'statuslist+jwt', 'revocation-list'])('is refused with the typ %s', (typ) => {
    expect(() => verify(forge(pair, { ...header, typ }, claims))).toThrow(
      expect.objectContaining({ code: 'revocation_list_type', category: 'unavailable' }),
    );
  });

  it('is refused from another key, or one that is not in use', () => {
    expect(() => verify(forge(makePair('ES256'), header, claims))).toThrow(
      expect.objectContaining({ code: 'revocation_list_signature' }),
    );
    for (const kid of [undefined, 'unknown'])
      expect(() => verify(forge(pair, { ...header, kid }, claims))).toThrow(
        expect.objectContaining({ code: 'revocation_list_key_unknown' }),
      );
  });

  it('has no effect once it has expired', () => {
    const text = forge(pair, header, claims);
    expect(verify(text, now + 59_999).version).toBe(7);
    expect(() => verify(text, now + 60_000)).toThrow(expect.objectContaining({ code: 'revocation_list_expired' }));
  });

  it.each([
    ['another issuer', { iss: 'https://evil.example' }, 'revocation_list_issuer'],
    ['no issuer', { iss: undefined }, 'revocation_list_issuer'],
    ['no exp', { exp: undefined }, 'revocation_list_malformed'],
    ['no iat', { iat: undefined }, 'revocation_list_malformed'],
    ['a life of 61 seconds', { exp: seconds + 61 }, 'revocation_list_malformed'],
    ['an nbf far ahead', { nbf: seconds + 11 }, 'revocation_list_malformed'],
    ['an iat far ahead', { iat: seconds + 11, exp: seconds + 60 }, 'revocation_list_malformed'],
    ['no version', { version: undefined }, 'revocation_list_malformed'],
    ['a version that is text', { version: '7' }, 'revocation_list_malformed'],
    ['a version below zero', { version: -1 }, 'revocation_list_malformed'],
    ['no entries', { entries: undefined }, 'revocation_list_malformed'],
    ['entries that are an object', { entries: { [entry.key]: seconds } }, 'revocation_list_malformed'],
    ['an entry that is null', { entries: [entry, null] }, 'revocation_list_malformed'],
    ['an entry with a short key', { entries: [{ ...entry, key: 'short' }] }, 'revocation_list_malformed'],
    ['an entry without a time', { entries: [entry, { key: entry.key }] }, 'revocation_list_malformed'],
    ['an entry whose time is text', { entries: [{ ...entry, before: 'now' }] }, 'revocation_list_malformed'],
  ])('is refused with %s', (_, change, code) => {
    expect(() => verify(forge(pair, header, { ...claims, ...change }))).toThrow(expect.objectContaining({ code }));
  });

  it('with arbitrary entries is read completely or refused with a code', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (entries) => {
        const text = forge(pair, header, { ...claims, entries });
        if (Array.isArray(entries) && entries.length === 0) expect(verify(text).revoked.size).toBe(0);
        else expect(() => verify(text)).toThrow(expect.objectContaining({ code: 'revocation_list_malformed' }));
      }),
    );
  });
});

function tokenIssuedAt(iat: number): Parameters<typeof isRevoked>[1] {
  const jti = 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3' as Parameters<typeof isRevoked>[1]['jti'];
  return { iat, jti, sub: 'agent:vwap-1', client_id: 'vwap-engine', lei: '529900T8BM49AURSDO55' };
}
