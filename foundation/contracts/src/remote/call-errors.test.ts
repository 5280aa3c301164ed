import { describe, expect, it } from 'vitest';
import { callErrors, declaresRefusal } from './call-errors.ts';
import { remoteCalls } from './calls.ts';

describe('the codes with which calls may be refused', () => {
  it('are declared for every call, and for no other', () => {
    const namesOf = (table: Readonly<Record<string, object>>) =>
      Object.entries(table).map(([contract, methods]) => [contract, Object.keys(methods).sort()]);
    expect(namesOf(callErrors)).toEqual(namesOf(remoteCalls));
  });

  it('have one category each within a contract', () => {
    for (const [contract, methods] of Object.entries(callErrors)) {
      const categories = new Map<string, string>();
      for (const codes of Object.values<Readonly<Record<string, string>>>(methods))
        for (const [code, category] of Object.entries(codes)) {
          expect(categories.get(code) ?? category, `${contract}: ${code}`).toBe(category);
          categories.set(code, category);
        }
    }
  });

  it('are enforced with their category; any call may fail as unavailable because another component does not answer', () => {
    const revoking = (code: string, category: 'not-found' | 'conflict' | 'unavailable') =>
      declaresRefusal('grants', 'revoke', { code, category });
    expect(revoking('grant_not_found', 'not-found')).toBe(true);
    expect(revoking('grant_not_found', 'conflict')).toBe(false);
    expect(revoking('transaction_not_found', 'not-found')).toBe(false);
    expect(revoking('constructor', 'conflict')).toBe(false);
    expect(revoking('database_unavailable', 'unavailable')).toBe(true);
    expect(declaresRefusal('grants', 'find', { code: 'grant_not_found', category: 'not-found' })).toBe(false);
    expect(declaresRefusal('grants', 'hasOwnProperty', { code: 'x', category: 'unavailable' })).toBe(false);
  });
});
