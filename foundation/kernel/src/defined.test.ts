import { describe, expect, expectTypeOf, it } from 'vitest';
import { defined } from './defined.ts';

describe('defined', () => {
  it('leaves out members that are undefined and keeps null, false, zero and the empty text', () => {
    expect(Object.keys(defined({ a: undefined, b: null, c: false, d: 0, e: '' }))).toEqual(['b', 'c', 'd', 'e']);
  });

  it('makes a member optional if it may be undefined, and keeps the others as they are', () => {
    const email = undefined as string | undefined;
    const found: { readonly kind: 'person'; readonly email?: string } = defined({ kind: 'person', email });
    expectTypeOf(found.kind).toEqualTypeOf<'person'>();
    expect(found).toEqual({ kind: 'person' });
  });
});
