import type { PublicKey, Signer } from '@countersign/contracts';
import type { Logger } from '@countersign/runtime';
import { completed, type Seals } from './stored-version.ts';
import { readKeys, sealFault } from './verify-versions.ts';

export function createSeals(signer: Pick<Signer, 'publicKeys'>, logger: Logger): Seals {
  let listed: readonly PublicKey[] = [];
  let keys: ReturnType<typeof readKeys> = new Map();

  /** Read anew when the set has changed: a key that was withdrawn verifies nothing. */
  async function presentKeys(): Promise<typeof keys> {
    const present = await signer.publicKeys('mandate');
    const same = present.length === listed.length && present.every(({ kid }, index) => kid === listed[index]?.kid);
    if (!same) keys = readKeys(present);
    listed = present;
    return keys;
  }

  return {
    async sound(versions) {
      if (versions.length === 0) return [];
      const known = await presentKeys();
      return versions.flatMap(({ id, version, document }) => {
        const fault =
          document.id === id && document.version === version
            ? sealFault(completed(document), known, document.consents !== undefined)
            : 'place';
        if (fault === undefined) return [completed(document)];
        logger.error(
          { mandate: id, version, fault },
          'a version of a mandate is not as it was sealed: it is passed over',
        );
        return [];
      });
    },
  };
}
