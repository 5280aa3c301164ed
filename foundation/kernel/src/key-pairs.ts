import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';

/**
 * A generated pair, imported again; to be used before an export as JWK.
 *
 * In Node.js 20 a generated key shares a lock with the job that generated it. If a garbage collection frees that job while the key is
 * exported as JWK, the thread waits for itself for ever. An imported key has a lock of its own, and an export as DER takes none.
 */
export function reimported({
  publicKey,
  privateKey,
}: {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
  const secret = privateKey.export({ format: 'der', type: 'pkcs8' });
  try {
    return {
      publicKey: createPublicKey({
        key: publicKey.export({ format: 'der', type: 'spki' }),
        format: 'der',
        type: 'spki',
      }),
      privateKey: createPrivateKey({ key: secret, format: 'der', type: 'pkcs8' }),
    };
  } finally {
    secret.fill(0);
  }
}
