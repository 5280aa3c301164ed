import type { JwsHeader } from './jws.ts';
import type { VerificationKey } from './key-cache.ts';

export interface RegisteredKey {
  readonly kid?: string;
  readonly key: VerificationKey;
}

/** Without a `kid`, exactly one key must match, or it would stay open which one signed. */
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
