import type { Signer } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { createKeyCache, type IdTokenHint, verifyIdTokenHint } from '@countersign/oauth';

/** Reads ID tokens of ours that come back as hints. */
export interface IdTokenHints {
  /**
   * @returns undefined for a hint that was signed with a key which is gone by now: it may well have been ours, and
   *   says nothing any more
   * @throws CodedError of `idTokenErrors` for one that is not ours
   */
  read(text: string, now: number): Promise<IdTokenHint | undefined>;
}

export function createIdTokenHints(issuer: string, signer: Pick<Signer, 'publicKeys'>): IdTokenHints {
  const imported = createKeyCache({ maxKeys: 64 });
  return {
    async read(text, now) {
      const published = await signer.publicKeys('id-token');
      try {
        return verifyIdTokenHint(text, {
          issuer,
          now,
          keyOf: (kid) => {
            const key = published.find((candidate) => candidate.kid === kid);
            return key === undefined ? undefined : imported.import(key.jwk);
          },
        });
      } catch (error) {
        if (isCodedError(error, 'id_token_key')) return undefined;
        throw error;
      }
    },
  };
}
