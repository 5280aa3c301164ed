import { type KeyLister, type KeyPlace, keyPurposes } from '@countersign/contracts';
import type { Signers } from './keys.ts';

/** The keys of a process, in the order of their purposes. */
export function listerOf(signers: Partial<Signers>): KeyLister {
  return {
    async listKeys() {
      const keys = await Promise.all(keyPurposes.map(async (purpose) => signers[purpose]?.publicKeys(purpose) ?? []));
      return keys.flat().map(({ purpose, kid, algorithm, state, jwk, publishedAt, activeFrom, place }) => ({
        ...{ purpose, kid, algorithm, state, jwk, publishedAt, activeFrom },
        place: place.driver === 'software' ? place : { driver: place.driver, ...nameOf(place) },
      }));
    },
  };
}

function nameOf({ token, label, id }: Required<Omit<KeyPlace, 'driver'>>): Omit<KeyPlace, 'driver'> {
  return { token, label, id };
}
