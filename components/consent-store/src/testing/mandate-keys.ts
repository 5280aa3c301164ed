import type { KeyPurpose } from '@countersign/contracts';
import { type Clock, type Random, systemRandom } from '@countersign/kernel';
import { createKeyring, type Keyring, type Logger } from '@countersign/runtime';
import type pg from 'pg';

/** Real mandate keys as a server has them, sealed with a secret of this test. */
export function createMandateKeys(common: {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}): Promise<Keyring<'mandate'>> {
  return createKeyring<'mandate'>({
    ...common,
    sealingKey: { bytes: systemRandom.bytes(32) },
    purposes: {
      ['mandate' satisfies KeyPurpose]: {
        algorithm: 'ES256',
        publicationLeadSeconds: 300,
        longestSignedLifeSeconds: 20 * 365 * 86_400,
      },
    },
  });
}
