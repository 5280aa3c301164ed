import type { PublicKey, Signer } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import {
  type IdTokenHint,
  type IssuerAlgorithm,
  importIssuerKey,
  type VerificationKey,
  verifyIdTokenHint,
} from '@countersign/oauth';
import { idTokenPurposes } from '../id-tokens.ts';

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
  /** By the object that the signer has for a key, which goes when the key does. */
  const imported = new WeakMap<object, VerificationKey<IssuerAlgorithm>>();
  function keyFrom({ jwk, algorithm }: PublicKey): VerificationKey<IssuerAlgorithm> {
    const key = imported.get(jwk) ?? importIssuerKey(jwk, algorithm);
    imported.set(jwk, key);
    return key;
  }
  return {
    async read(text, now) {
      const published = (await Promise.all(idTokenPurposes.map((purpose) => signer.publicKeys(purpose)))).flat();
      try {
        return verifyIdTokenHint(text, {
          issuer,
          now,
          keyOf: (kid) => {
            const key = published.find((candidate) => candidate.kid === kid);
            return key === undefined ? undefined : keyFrom(key);
          },
        });
      } catch (error) {
        if (isCodedError(error, 'id_token_key')) return undefined;
        throw error;
      }
    },
  };
}
