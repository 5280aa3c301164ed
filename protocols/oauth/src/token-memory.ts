import { createGenerations, sha256Base64Url } from '@countersign/kernel';
import type { RememberedToken, TokenMemory } from './access-token.ts';

/** Characters. Bounds memory use. */
const maxRememberedLength = 4_096;

/**
 * Stores the SHA-256 of the whole token, so that it keeps no usable token. @param options.maxTokens minimum kept; the
 * maximum is twice as many
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
      // Shared by all requests with this token.
      freeze(verified);
      known.keep(sha256Base64Url(token), verified);
    },
  };
}

/** The key is an immutable handle. */
function freeze({ claims, verified }: RememberedToken): void {
  freezeJson(claims);
  freezeJson(verified);
}

function freezeJson(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const member of Object.values(value)) freezeJson(member);
}
