import { createCipheriv, createDecipheriv, hash } from 'node:crypto';
import type { Commitment } from '@countersign/contracts';
import type { Random } from '@countersign/kernel';

/** What goes before the text. */
export const saltBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;
const tagLength = { authTagLength: tagBytes };

/** What a value becomes: two digests for the leaf, and the bytes that are kept beside it. */
export interface CipheredValue extends Pick<Commitment, 'commitment' | 'ciphertext'> {
  readonly bytes: Buffer;
}

/**
 * Commits to a value and encrypts it. The commitment is SHA-256 over salt and text; the salt is encrypted with the text,
 * so that with the key both are gone, and a guess at the value can no longer be tried on the commitment.
 *
 * The place is authenticated with it (AAD): a value moved to another record, or to another place of the same, does not
 * open. A key must not be used more than 2^32 times, since the nonce is random (NIST SP 800-38D section 8.3).
 *
 * @param key 32 bytes
 * @param place id of the record and JSON pointer, by {@link placeOf}
 * @param text canonical JSON text (RFC 8785)
 */
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

/** @returns undefined when the bytes are not those of this key, place and commitment */
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

/**
 * The same for who has no use for a string.
 *
 * @param place in UTF-8
 * @returns salt and text: the text begins at {@link saltBytes}
 */
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
    // The tag says that these are other bytes, of another key or another place.
    return undefined;
  }
  return hash('sha256', plain, 'base64url') === commitment ? plain : undefined;
}

/** Bytes of what is kept that are not text. */
export const bytesBesideText = nonceBytes + saltBytes + tagBytes;

/** Where a value belongs, in a form that no other place has. */
export function placeOf(record: string, path: string): string {
  return `${record}\n${path}`;
}
