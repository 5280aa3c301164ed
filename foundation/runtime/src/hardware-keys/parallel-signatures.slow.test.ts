import { createPublicKey, verify } from 'node:crypto';
import { systemRandom } from '@countersign/kernel';
import { findSoftHsm, makeSoftToken } from '@countersign/testkit';
import { expect, it } from 'vitest';
import { createLogger } from '../observability/index.ts';
import { startHardwareKeys } from './hardware-keys.ts';

const softHsm = findSoftHsm();
const signatures = 100_000;
const atOnce = 500;

// Without CKF_OS_LOCKING_OK the module aborts within the first thousands of parallel signatures.
it.skipIf(!softHsm.found)(
  `makes ${signatures} correct signatures on eight parallel sessions in one process${softHsm.found ? '' : ` (skipped: ${softHsm.reason})`}`,
  { timeout: 600_000 },
  async () => {
    const token = makeSoftToken();
    const logger = createLogger({ level: 'silent', name: 'test' });
    const settings = { ...token.settings, sessions: 8, callTimeoutMs: 30_000 };
    const keys = await startHardwareKeys({ settings, logger, random: systemRandom });
    try {
      const key = await keys.generate('countersign test', 'ES256');
      const publicKey = createPublicKey({ key: { ...key.jwk }, format: 'jwk' });
      const pid = keys.pid();
      let next = 0;
      let wrong = 0;
      const started = Date.now();
      const sign = async (): Promise<void> => {
        while (next < signatures) {
          const data = Buffer.from(`message ${next++}`);
          const statement = { purpose: 'test', kid: key.kid, algorithm: 'ES256', data } as const;
          const signature = await keys.sign(key, statement);
          if (!verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)) wrong++;
        }
      };
      await Promise.all(Array.from({ length: atOnce }, sign));
      const seconds = (Date.now() - started) / 1000;
      process.stdout.write(
        `${signatures} signatures in ${seconds.toFixed(1)} s (${Math.round(signatures / seconds)} a second)\n`,
      );
      expect({ wrong, pid: keys.pid() }).toEqual({ wrong: 0, pid });
    } finally {
      await keys.stop();
      token.dispose();
    }
  },
);
