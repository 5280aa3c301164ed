import type { Signer } from '@countersign/contracts';
import { createKeyCache, type VerificationKey } from '@countersign/oauth';

/** Our own token keys, for verifying what we signed. */
export interface TokenKeys {
  /** A look-up by `kid` among the keys that may be met now: published, active and retiring. */
  current(): Promise<(kid: string) => VerificationKey | undefined>;
}

export function createTokenKeys(signer: Pick<Signer, 'publicKeys'>): TokenKeys {
  const imported = createKeyCache({ maxKeys: 64 });
  // A key that is held in memory comes as the same object each time, and need not be looked at again.
  const known = new WeakMap<object, VerificationKey>();
  function keyFrom(jwk: object): VerificationKey {
    let key = known.get(jwk);
    if (key === undefined) {
      key = imported.import(jwk);
      known.set(jwk, key);
    }
    return key;
  }
  return {
    async current() {
      // Asked each time: a key that was retired must stop verifying at once, on this node too.
      const published = await signer.publicKeys('access-token');
      return (kid) => {
        const key = published.find((candidate) => candidate.kid === kid);
        return key === undefined ? undefined : keyFrom(key.jwk);
      };
    },
  };
}
