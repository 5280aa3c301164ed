import type { Signer } from '@countersign/contracts';
import { createKeyCache, type VerificationKey } from '@countersign/oauth';

/** Our own token keys, for verifying what we signed. */
export interface TokenKeys {
  /** A look-up by `kid` among the keys that may be met now: published, active and retiring. */
  current(): Promise<(kid: string) => VerificationKey | undefined>;
}

export function createTokenKeys(signer: Pick<Signer, 'publicKeys'>): TokenKeys {
  const imported = createKeyCache({ maxKeys: 64 });
  return {
    async current() {
      // Asked each time: a key that was retired must stop verifying at once, on this node too.
      const published = await signer.publicKeys('access-token');
      return (kid) => {
        const key = published.find((candidate) => candidate.kid === kid);
        return key === undefined ? undefined : imported.import(key.jwk);
      };
    },
  };
}
