import { createGenerations, sha256Base64Url } from '@countersign/kernel';
import type { RememberedToken, TokenMemory } from './access-token.ts';

/** Maximum length of a remembered token in characters. Together with the number of tokens it bounds memory use. */
const maxRememberedLength = 4_096;

/**
 * The memory stores the SHA-256 of each token's full text, including the signature. It keeps no usable token, and a token with
 * any changed bit does not match.
 *
 * @param options.maxTokens minimum number of remembered tokens; the maximum is twice as many
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
      // All requests with this token share these objects.
      freeze(verified);
      known.keep(sha256Base64Url(token), verified);
    },
  };
}

/** Freezes everything except the key, which is an immutable handle. */
function freeze({ claims, verified }: RememberedToken): void {
  freezeJson(claims);
  freezeJson(verified);
}

function freezeJson(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const member of Object.values(value)) freezeJson(member);
}
