import { parseId } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import type { AccessTokenClaims } from './access-token.ts';
import {
  isRevoked,
  type RevocableClaims,
  type RevocationKind,
  revocationKey,
  revocationKeysOf,
  revokedBy,
} from './revocation-key.ts';
import { seconds } from './testing/access-tokens.ts';

const grantId = 'grt_01k9z3m8q4d6s0v2x5y7a9b1c3';
const jti = idOf('token', 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3');
const mandate = { id: idOf('mandate', 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3'), version: 2 };
const claims: RevocableClaims = {
  iat: seconds,
  jti,
  sub: 'person:anna',
  client_id: 'vwap-engine',
  lei: '529900T8BM49AURSDO55',
  act: { sub: 'service:venue', act: { sub: 'agent:vwap-1' } },
  grant: revocationKey({ kind: 'grant', id: grantId }),
  mandate,
};
const targets: readonly (readonly [RevocationKind, string])[] = [
  ['token', jti],
  ['grant', grantId],
  ['mandate', mandate.id],
  ['client', 'vwap-engine'],
  ['principal', 'person:anna'],
  ['principal', 'service:venue'],
  ['principal', 'agent:vwap-1'],
  ['partner', '529900T8BM49AURSDO55'],
  ['everything', '*'],
];

function revoked(kind: RevocationKind, id: string, before = seconds) {
  return new Map([[revocationKey({ kind, id }), before]]);
}

describe('a token', () => {
  it.each(targets)('is revoked by the revocation of its %s %s', (kind, id) => {
    expect(revokedBy(revoked(kind, id), claims)).toBe(kind);
    expect(isRevoked(revoked(kind, id), claims)).toBe(true);
  });

  it.each(targets)('issued after the revocation of its %s %s stays valid', (kind, id) => {
    expect(isRevoked(revoked(kind, id), { ...claims, iat: seconds + 1 })).toBe(false);
    expect(isRevoked(revoked(kind, id, seconds - 1), claims)).toBe(false);
  });

  it.each<[RevocationKind, string]>([
    ['token', 'tok_01k9z3m8q4d6s0v2x5y7a9b1c4'],
    ['client', 'person:anna'],
    ['principal', 'vwap-engine'],
    ['principal', '529900T8BM49AURSDO55'],
    ['grant', mandate.id],
    ['mandate', grantId],
    ['partner', '529900T8BM49AURSDO56'],
  ])('is not revoked by the revocation of the %s %s', (kind, id) => {
    expect(isRevoked(revoked(kind, id), claims)).toBe(false);
  });

  it('is found under one key for each of those, and under no others', () => {
    expect([...revocationKeysOf(claims)].sort()).toEqual(
      targets.map(([kind, id]) => revocationKey({ kind, id })).sort(),
    );
    const { grant: _, mandate: __, act: ___, ...plain } = claims;
    expect(revocationKeysOf(plain)).toHaveLength(5);
  });

  it('is revoked by the revocation of each token that it was exchanged from', () => {
    const ancestors = ['tok_a', 'tok_b'].map((id) => revocationKey({ kind: 'token', id }));
    for (const id of ['tok_a', 'tok_b'])
      expect(revokedBy(revoked('token', id), { ...claims, ancestors })).toBe('token');
    expect(isRevoked(revoked('token', 'tok_c'), { ...claims, ancestors })).toBe(false);
  });

  it('is valid while nothing is revoked', () => {
    expect(revokedBy(new Map(), claims)).toBeUndefined();
  });
});

describe('a revocation key', () => {
  it('reveals nothing about its target, and differs for each kind', () => {
    const keys = (['token', 'grant', 'mandate', 'client', 'principal', 'partner'] as const).map((kind) =>
      revocationKey({ kind, id: 'same' }),
    );
    expect(new Set(keys).size).toBe(6);
    for (const key of keys) expect(key).toMatch(/^[A-Za-z0-9_-]{43}$/);
  });
});

function idOf<Kind extends 'token' | 'mandate'>(
  kind: Kind,
  text: string,
): Kind extends 'token' ? AccessTokenClaims['jti'] : NonNullable<AccessTokenClaims['mandate']>['id'];
function idOf(kind: 'token' | 'mandate', text: string): string {
  const id = parseId(kind, text);
  if (id === undefined) throw new Error(`${text} is no id.`);
  return id;
}
