import type { Signer } from '@countersign/contracts';
import { createKeyCache, type VerificationKey } from '@countersign/oauth';

export interface TokenKeys {
  /** Keys by `kid`: published, active and retiring. */
  current(): Promise<(kid: string) => VerificationKey | undefined>;
}

export function createTokenKeys(signer: Pick<Signer, 'publicKeys'>): TokenKeys {
  const imported = createKeyCache({ maxKeys: 64 });
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
      // Looked up each time: a retired key must stop verifying at once.
      const published = await signer.publicKeys('access-token');
      return (kid) => {
        const key = published.find((candidate) => candidate.kid === kid);
        return key === undefined ? undefined : keyFrom(key.jwk);
      };
    },
  };
}
