import { describe, expect, it } from 'vitest';
import { callErrors, mayBeRefused } from './call-errors.ts';
import { remoteCalls } from './calls.ts';

describe('the codes with which calls may be refused', () => {
  it('are declared for every call, and for nothing else', () => {
    const namesOf = (table: Readonly<Record<string, object>>) =>
      Object.entries(table).map(([contract, methods]) => [contract, Object.keys(methods).sort()]);
    expect(namesOf(callErrors)).toEqual(namesOf(remoteCalls));
  });

  it('have one category each, whichever call declares them', () => {
    const categories = new Map<string, Set<string>>();
    for (const methods of Object.values(callErrors))
      for (const codes of Object.values<Readonly<Record<string, string>>>(methods))
        for (const [code, category] of Object.entries(codes))
          categories.set(code, (categories.get(code) ?? new Set()).add(category));
    expect([...categories].filter(([, of]) => of.size > 1)).toEqual([]);
    expect(categories.size).toBeGreaterThan(100);
  });

  it('are held to, category included; whatever does not answer may make any call unavailable', () => {
    const revoking = (code: string, category: 'not-found' | 'conflict' | 'unavailable') =>
      mayBeRefused('grants', 'revoke', { code, category });
    expect(revoking('grant_not_found', 'not-found')).toBe(true);
    expect(revoking('grant_not_found', 'conflict')).toBe(false);
    expect(revoking('transaction_not_found', 'not-found')).toBe(false);
    expect(revoking('constructor', 'conflict')).toBe(false);
    expect(revoking('database_unavailable', 'unavailable')).toBe(true);
    expect(mayBeRefused('grants', 'find', { code: 'grant_not_found', category: 'not-found' })).toBe(false);
    expect(mayBeRefused('grants', 'hasOwnProperty', { code: 'x', category: 'unavailable' })).toBe(false);
  });
});
