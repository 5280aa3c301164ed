import type { Signer } from '@countersign/contracts';
import { createKeyCache, type VerificationKey } from '@countersign/oauth';

/** Our own token keys, for verifying tokens that we signed. */
export interface TokenKeys {
  /** Looks up a key by `kid` among those that can be in use now: published, active and retiring. */
  current(): Promise<(kid: string) => VerificationKey | undefined>;
}

export function createTokenKeys(signer: Pick<Signer, 'publicKeys'>): TokenKeys {
  const imported = createKeyCache({ maxKeys: 64 });
  // A key held in memory is the same object each time, so its verified form can be cached.
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
      // Looked up each time: a retired key must stop verifying at once, on this node too.
      const published = await signer.publicKeys('access-token');
      return (kid) => {
        const key = published.find((candidate) => candidate.kid === kid);
        return key === undefined ? undefined : keyFrom(key.jwk);
      };
    },
  };
}
