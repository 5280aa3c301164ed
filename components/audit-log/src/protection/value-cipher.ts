import { createCipheriv, createDecipheriv, hash } from 'node:crypto';
import type { Commitment } from '@countersign/contracts';
import type { Random } from '@countersign/kernel';

export const saltBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const tagLength = { authTagLength: tagBytes };

/** Two digests for the leaf, and the bytes stored beside it. */
export interface CipheredValue extends Pick<Commitment, 'commitment' | 'ciphertext'> {
  readonly bytes: Buffer;
}

/** Salted SHA-256, then AES-GCM bound to the place. @param key 32 bytes, at most 2^32 uses (NIST SP 800-38D 8.3) */
export function encipher(key: Uint8Array, place: string, text: string, random: Random): CipheredValue {
  const textBytes = Buffer.byteLength(text);
  const plain = Buffer.allocUnsafe(saltBytes + textBytes);
  plain.set(random.bytes(saltBytes));
  plain.write(text, saltBytes, 'utf8');
  const commitment = hash('sha256', plain, 'base64url');
  const nonce = random.bytes(nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
  const bytes = Buffer.allocUnsafe(nonceBytes + plain.length + tagBytes);
  bytes.set(nonce);
  bytes.set(cipher.update(plain), nonceBytes);
  cipher.final();
  bytes.set(cipher.getAuthTag(), nonceBytes + plain.length);
  return { commitment, ciphertext: hash('sha256', bytes, 'base64url'), bytes };
}

/** @returns undefined if key, place or commitment do not match */
export function decipher(
  key: Uint8Array,
  place: string,
  { commitment }: Pick<Commitment, 'commitment'>,
  bytes: Buffer,
): { readonly salt: Buffer; readonly text: string } | undefined {
  const plain = decipherBytes(key, Buffer.from(place), commitment, bytes);
  if (plain === undefined) return undefined;
  return { salt: plain.subarray(0, saltBytes), text: plain.toString('utf8', saltBytes) };
}

/** {@link decipher} without strings. @returns salt and text; the text begins at {@link saltBytes} */
export function decipherBytes(
  key: Uint8Array,
  place: Uint8Array,
  commitment: string,
  bytes: Buffer,
): Buffer | undefined {
  if (bytes.length <= nonceBytes + saltBytes + tagBytes) return undefined;
  const opening = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, nonceBytes), tagLength)
    .setAAD(place)
    .setAuthTag(bytes.subarray(-tagBytes));
  const plain = opening.update(bytes.subarray(nonceBytes, -tagBytes));
  try {
    opening.final();
  } catch {
    return undefined;
  }
  return hash('sha256', plain, 'base64url') === commitment ? plain : undefined;
}

export const bytesBesideText = nonceBytes + saltBytes + tagBytes;

export function placeOf(record: string, path: string): string {
  return `${record}\n${path}`;
}
