import { describe, expect, it } from 'vitest';
import { describeScope, scopes } from './index.ts';

const all = [...scopes, 'openid', 'offline_access', 'grant_management_query', 'grant_management_revoke'] as const;

describe('the description of a scope', () => {
  it.each(all)('is one plain sentence for %s', (scope) => {
    expect(describeScope(scope)).toMatch(/^[A-Z][a-z]+(?:[ ,:] ?[A-Za-z]+)+\.$/);
    expect(describeScope(scope)).not.toContain('undefined');
  });

  it('differs between any two scopes', () => {
    expect(new Set(all.map(describeScope)).size).toBe(all.length);
  });
});
