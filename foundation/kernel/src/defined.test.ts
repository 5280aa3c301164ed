import { describe, expect, expectTypeOf, it } from 'vitest';
import { defined } from './defined.ts';

describe('defined', () => {
  it('omits undefined members and keeps null, false, zero and the empty text', () => {
    expect(Object.keys(defined({ a: undefined, b: null, c: false, d: 0, e: '' }))).toEqual(['b', 'c', 'd', 'e']);
  });

  it('makes a member optional if it may be undefined, and keeps the others unchanged', () => {
    const email = undefined as string | undefined;
    const found: { readonly kind: 'person'; readonly email?: string } = defined({ kind: 'person', email });
    expectTypeOf(found.kind).toEqualTypeOf<'person'>();
    expect(found).toEqual({ kind: 'person' });
  });
});
