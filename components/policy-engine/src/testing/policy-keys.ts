import type { KeyPurpose } from '@countersign/contracts';
import { type Clock, type Random, systemRandom } from '@countersign/kernel';
import { createKeyring, type Keyring, type Logger } from '@countersign/runtime';
import type pg from 'pg';

/** Real policy keys as a server has them, sealed with a secret of this test. */
export function createPolicyKeys(common: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): Promise<Keyring<'policy-bundle'>> {
  return createKeyring<'policy-bundle'>({
    ...common,
    sealingKey: { bytes: systemRandom.bytes(32) },
    purposes: {
      ['policy-bundle' satisfies KeyPurpose]: {
        algorithm: 'ES256',
        publicationLeadSeconds: 300,
        longestSignedLifeSeconds: 10 * 365 * 86_400,
      },
    },
  });
}
