import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ownPath } from './return-to.ts';

const origin = 'https://id.example';

describe('the return address', () => {
  it.each(['/', '/authorize?client_id=a&state=%2F%2Fevil', '/a/b#c', '/%2F/evil.example'])('is %s', (path) => {
    expect(ownPath(path, origin)).toBe(path);
  });

  it.each([
    '',
    'authorize',
    '?x=1',
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/a\\b',
    'https://evil.example/',
    'https:/evil.example',
    'javascript:alert(1)',
    ' /a',
    '/\t/evil.example',
    '/\n/evil.example',
    '/..//evil.example',
    '/.//evil.example',
    '/a/../..//evil.example',
    '/%2e%2e//evil.example',
    '/a\r\nset-cookie: x=y',
    '/ä',
    `/${'a'.repeat(4_096)}`,
  ])('is never %j', (path) => {
    expect(() => ownPath(path, origin)).toThrow(expect.objectContaining({ code: 'return_to_foreign' }));
  });

  it('is on our own origin for a real browser, whatever text it was built from', () => {
    const piece = fc.constantFrom(
      '/',
      '\\',
      '.',
      '..',
      '@',
      ':',
      '%2f',
      '%2e',
      'evil.example',
      'a',
      '?',
      '#',
      '\t',
      'https:',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`),
    );
    fc.assert(
      fc.property(text, (path) => {
        try {
          const way = ownPath(path, origin);
          return (
            way.startsWith('/') && new URL(way, `${origin}/sign-in/x`).origin === origin && ownPath(way, origin) === way
          );
        } catch (error) {
          return error instanceof Error && 'code' in error && error.code === 'return_to_foreign';
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
