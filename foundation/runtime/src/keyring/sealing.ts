import { createCipheriv, createDecipheriv } from 'node:crypto';
import { CodedError, type Random } from '@countersign/kernel';

/**
 * 32 bytes that encrypt keys at rest. Stored outside the database, so that a database dump is useless for signing and decryption.
 */
export interface SealingKey {
  readonly bytes: Uint8Array;
}

/**
 * AES-256-GCM: nonce (12 bytes), ciphertext, tag (16 bytes). `bound` is authenticated data: a sealed key moved to another row
 * cannot be opened.
 */
export function seal(plain: Uint8Array, key: SealingKey, bound: string, random: Random): Buffer {
  const nonce = random.bytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce).setAAD(Buffer.from(bound));
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/**
 *
 * @throws CodedError `keystore_locked` for another key or altered bytes
 */
export function unseal(sealed: Uint8Array, key: SealingKey, bound: string): Buffer {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, sealed.subarray(0, 12), { authTagLength: 16 })
      .setAAD(Buffer.from(bound))
      .setAuthTag(sealed.subarray(-16));
    return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]);
  } catch (cause) {
    throw new CodedError({
      code: 'keystore_locked',
      category: 'unavailable',
      detail:
        'A key cannot be opened with the key-encryption key configured. Restore the key-encryption key this database was set up with.',
      cause,
    });
  }
}
