import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  bearerScopes,
  checkSeparation,
  formatScope,
  marketScopes,
  parseScope,
  type Scope,
  scopes,
  scopesSubset,
} from './index.ts';

describe('a scope parameter', () => {
  it('is read as the set of its scopes', () => {
    expect(parseScope('order:create order:read order:create')).toEqual({
      ok: true,
      value: new Set(['order:create', 'order:read']),
    });
    expect(parseScope('')).toEqual({ ok: true, value: new Set() });
  });

  it('may hold every registered scope, and is written back unchanged', () => {
    fc.assert(
      fc.property(fc.subarray([...scopes]), (some) => {
        const parsed = parseScope(formatScope(some));
        expect(parsed.ok && [...parsed.value].sort()).toEqual([...some].sort());
      }),
    );
    // The scopes with "all" inside are not generic ones.
    expect(parseScope('margin:recall').ok).toBe(true);
    expect(parseScope('allocation:approve').ok).toBe(true);
  });

  it.each([
    'admin_all',
    'full_trade_access',
    '*',
    'order:*',
    'order:all',
    'all',
    'ALL',
    'Admin',
    'orders:admin',
    'administrator',
    'root',
    'order:any',
    'trade-full',
    'superuser',
    'order:create admin_all',
    'no:such order:*',
  ])('is refused as generic when it asks for %s', (text) => {
    expect(parseScope(text)).toMatchObject({ ok: false, code: 'scope_generic' });
  });

  it.each([
    'order',
    'order:',
    ':create',
    'order:execute',
    'ORDER:CREATE',
    'order:create,order:read',
    ' order:create',
    'order:create ',
    'order:create  order:read',
    'order:create\torder:read',
    'order:create\norder:read',
    'openid',
    '__proto__',
    'constructor',
    'order:\u0441reate',
  ])('is refused when it requests %j, which is not a scope', (text) => {
    expect(parseScope(text)).toMatchObject({ ok: false, code: 'scope_unknown' });
  });

  it.each([[undefined], [null], [{}], [['order:create']], ['order:create '.repeat(1000)]])(
    'is refused when it is %j',
    (value) => {
      expect(parseScope(value)).toMatchObject({ ok: false, code: 'scope_unknown' });
    },
  );

  it('is not repeated if it is long or unprintable', () => {
    const long = parseScope('x'.repeat(4000));
    expect(long.ok ? '' : long.detail.length).toBeLessThan(200);
    expect(parseScope('a\u202eb')).toMatchObject({ detail: expect.not.stringContaining('\u202e') });
  });
});

describe('separation of duties', () => {
  it.each([
    ['order:create', 'order:approve'],
    ['allocation:propose', 'allocation:approve'],
    ['collateral:transfer', 'collateral:approve'],
    ['withdrawal-address:propose', 'withdrawal-address:approve'],
    ['withdrawal:request', 'withdrawal:approve'],
    ['withdrawal:request', 'withdrawal:release'],
    ['directory:apply', 'directory:approve'],
    ['compliance:record', 'directory:approve'],
    ['reference:record', 'directory:approve'],
    ['partner:register', 'directory:approve'],
    ['directory:apply', 'compliance:record'],
    ['policy:propose', 'policy:approve'],
    ['token:revoke', 'revocation:lift'],
    ['legalhold:place', 'legalhold:release'],
  ] as const)('never allows %s and %s in one set', (one, other) => {
    expect(checkSeparation(new Set<Scope>([one, 'order:read', other]))).toMatchObject({
      ok: false,
      code: 'scope_duties_combined',
      pair: [one, other],
    });
    expect(checkSeparation(new Set<Scope>([one]))).toEqual({ ok: true });
    expect(checkSeparation(new Set<Scope>([other]))).toEqual({ ok: true });
  });

  it('applies to every object with propose and approve', () => {
    for (const scope of scopes) {
      const [object, verb] = scope.split(':');
      const approve = scopes.find((each) => each === `${object}:approve`);
      if (verb === 'propose' && approve !== undefined)
        expect(checkSeparation(new Set([scope, approve])).ok).toBe(false);
    }
  });

  it('allows scopes that do not check each other', () => {
    expect(
      checkSeparation(new Set<Scope>(['mandate:grant', 'mandate:revoke', 'order:create', 'allocation:approve'])),
    ).toEqual({ ok: true });
  });
});

describe('bearer token scopes', () => {
  it('are read-only, and never for evidence', () => {
    expect([...bearerScopes].every((scope) => scope.endsWith(':read'))).toBe(true);
    for (const scope of [
      'order:create',
      'order:cancel',
      'audit:read',
      'decision:evaluate',
      'directory:apply',
      'directory:approve',
      'client:register',
      'token:revoke',
    ] as const)
      expect(marketScopes.has(scope)).toBe(true);
    expect(marketScopes.size + bearerScopes.size).toBe(scopes.length);
  });
});

describe('narrowing of scopes', () => {
  it('is set inclusion', () => {
    fc.assert(
      fc.property(fc.subarray([...scopes]), fc.subarray([...scopes]), (child, parent) => {
        expect(scopesSubset(new Set(child), new Set(parent))).toBe(child.every((scope) => parent.includes(scope)));
      }),
    );
  });
});
