import type { JwsHeader } from './jws.ts';
import type { VerificationKey } from './key-cache.ts';

/** A key a client registered, under the `kid` it registered it with. */
export interface RegisteredKey {
  readonly kid?: string;
  readonly key: VerificationKey;
}

/**
 * The one registered key that fits a header by `alg` and, where the header names one, by `kid`. Without a `kid` there
 * must be only one that fits: trying them in turn would leave open which key a message was signed with.
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
