import { createGenerations, sha256Base64Url } from '@countersign/kernel';
import type { RememberedToken, TokenMemory } from './access-token.ts';

/** Longest token that is remembered, in characters: with their number it bounds the memory that they take. */
const maxRememberedLength = 4_096;

/**
 * Tokens are known by the SHA-256 of their text, every character of it, signature included: none is kept as it could be
 * presented, and one with a changed bit is another token.
 *
 * @param options.maxTokens how many are kept at least; at most twice as many
 */
export function createTokenMemory(options: { readonly maxTokens?: number } = {}): TokenMemory {
  const known = createGenerations<string, RememberedToken>(options.maxTokens ?? 4_096);
  return {
    recall(token, keyOf) {
      if (token.length > maxRememberedLength) return undefined;
      const remembered = known.get(sha256Base64Url(token));
      if (remembered === undefined) return undefined;
      const { kid, key } = remembered;
      const now = keyOf(kid);
      return now?.thumbprint === key.thumbprint && now.algorithm === key.algorithm ? remembered : undefined;
    },
    remember(token, verified) {
      if (token.length > maxRememberedLength) return;
      // Everybody who presents it is given the same objects.
      freeze(verified);
      known.keep(sha256Base64Url(token), verified);
    },
  };
}

/** All of it, but for the key: that is a handle and nobody's to change. */
function freeze({ claims, verified }: RememberedToken): void {
  freezeJson(claims);
  freezeJson(verified);
}

function freezeJson(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const member of Object.values(value)) freezeJson(member);
}
