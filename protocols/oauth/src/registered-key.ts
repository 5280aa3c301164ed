import type { JwsHeader } from './jws.ts';
import type { VerificationKey } from './key-cache.ts';

/** A key that a client registered, with its `kid`. */
export interface RegisteredKey {
  readonly kid?: string;
  readonly key: VerificationKey;
}

/**
 * Finds the registered key that matches a header's `alg` and, if present, its `kid`. Without a `kid`, exactly one key must
 * match: trying several keys would leave open which one signed the message.
 */
export function findRegisteredKey(
  keys: readonly RegisteredKey[] | undefined,
  header: JwsHeader,
): VerificationKey | 'none' | 'several' {
  const [found, another] = (keys ?? []).filter(
    ({ kid, key }) => key.algorithm === header.alg && (header.kid === undefined || header.kid === kid),
  );
  if (found === undefined) return 'none';
  return another === undefined ? found.key : 'several';
}
