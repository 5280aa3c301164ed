import { sha256Base64Url } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isCodeChallenge, verifyCodeChallenge } from './pkce.ts';

/** RFC 7636 appendix B. */
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

describe('a code verifier', () => {
  it('of RFC 7636 appendix B matches its challenge', () => {
    expect(verifyCodeChallenge(verifier, challenge)).toBe(true);
  });

  it.each([
    ['another verifier', `${verifier.slice(0, -1)}l`],
    ['the challenge itself, as the method plain would have it', challenge],
    ['nothing', ''],
  ])('is refused when it is %s', (_, given) => {
    expect(verifyCodeChallenge(given, challenge)).toBe(false);
  });

  it('is refused if it equals the challenge, even if that makes plain succeed', () => {
    expect(verifyCodeChallenge(verifier, verifier)).toBe(false);
  });

  it.each([
    ['42 characters', 'a'.repeat(42), false],
    ['43 characters', 'a'.repeat(43), true],
    ['128 characters', 'a'.repeat(128), true],
    ['129 characters', 'a'.repeat(129), false],
    ['every character that is allowed', 'abcXYZ0189-._~'.repeat(4), true],
    ['a plus sign', `+${'a'.repeat(43)}`, false],
    ['padding', `${'a'.repeat(43)}=`, false],
    ['a letter beyond ASCII', `ä${'a'.repeat(43)}`, false],
    ['a line break at its end', `${'a'.repeat(43)}\n`, false],
  ])('of %s: its hash alone does not decide', (_, given, accepted) => {
    expect(verifyCodeChallenge(given, sha256Base64Url(given))).toBe(accepted);
  });

  it('never matches the challenge of another', () => {
    const verifiers = fc.stringMatching(/^[A-Za-z0-9._~-]{43,128}$/);
    fc.assert(
      fc.property(verifiers, verifiers, (one, other) => {
        expect(verifyCodeChallenge(one, sha256Base64Url(other))).toBe(one === other);
      }),
    );
  });
});

describe('a code challenge', () => {
  it.each([
    ['', false],
    [challenge, true],
    [challenge.slice(1), false],
    [`${challenge}=`, false],
    [challenge.replace('-', '+'), false],
    // The last character holds four bits and two unused bits that must be zero.
    [`${challenge.slice(0, -1)}N`, false],
  ])('%j: %s', (text, expected) => {
    expect(isCodeChallenge(text)).toBe(expected);
  });
});
