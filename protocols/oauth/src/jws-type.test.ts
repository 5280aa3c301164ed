import { describe, expect, it } from 'vitest';
import { hasType } from './jws.ts';

describe('the typ of a JWS', () => {
  it.each(['dpop+jwt', 'DPoP+JWT', 'application/dpop+jwt', 'Application/DPOP+jwt'])(
    'dpop+jwt may be written %s',
    (typ) => {
      expect(hasType({ typ }, 'dpop+jwt')).toBe(true);
      expect(hasType({ typ }, 'application/dpop+jwt')).toBe(true);
      expect(hasType({ typ }, 'at+jwt', 'JWT', undefined)).toBe(false);
    },
  );

  it.each([
    '',
    'jwt',
    'dpop+jwt ',
    'x/dpop+jwt',
    'application/x/dpop+jwt',
    'application/application/dpop+jwt',
    '/dpop+jwt',
  ])('%j is not dpop+jwt', (typ) => expect(hasType({ typ }, 'dpop+jwt')).toBe(false));

  it('is compared as ASCII: a letter that only folds to one of its own is another letter', () => {
    expect(hasType({ typ: 'to\u212aen-introspection+jwt' }, 'token-introspection+jwt')).toBe(false);
  });

  it('may be missing only if the caller allows it', () => {
    expect(hasType({}, 'JWT')).toBe(false);
    expect(hasType({}, 'JWT', undefined)).toBe(true);
    expect(hasType({ typ: 'undefined' }, undefined)).toBe(false);
  });
});
