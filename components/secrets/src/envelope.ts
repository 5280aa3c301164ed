import { type Random, sha256Base64Url } from '@countersign/kernel';
import { type SealingKey, seal, unseal } from '@countersign/runtime';

/** An encrypted value. A record has its digest; its key is stored beside it, encrypted. */
export interface Material {
  /** SHA-256 of the ciphertext, base64url. */
  readonly digest: string;
  readonly ciphertext: Uint8Array;
  readonly sealedKey: Uint8Array;
}

/** What a value belongs to. It decrypts for nothing else. */
export interface MaterialPlace {
  readonly kind: string;
  readonly name: string;
}

const boundTo = ({ kind, name }: MaterialPlace, part: 'key' | 'value'): string => `secrets/${kind}/${name}/${part}`;

/** Encrypts a value with its own key (AES-256-GCM), and that key with the key-encryption key of the group. */
export function encryptMaterial(
  value: Uint8Array,
  place: MaterialPlace,
  { sealingKey, random }: { readonly sealingKey: SealingKey; readonly random: Random },
): Material {
  const key = Buffer.from(random.bytes(32));
  const ciphertext = seal(value, { bytes: key }, boundTo(place, 'value'), random);
  const sealedKey = seal(key, sealingKey, boundTo(place, 'key'), random);
  key.fill(0);
  return { digest: sha256Base64Url(ciphertext), ciphertext, sealedKey };
}

/**
 * @throws CodedError `keystore_locked` for another key, another place or altered octets
 */
export function decryptMaterial(
  { ciphertext, sealedKey }: Pick<Material, 'ciphertext' | 'sealedKey'>,
  place: MaterialPlace,
  sealingKey: SealingKey,
): Buffer {
  const key = unseal(sealedKey, sealingKey, boundTo(place, 'key'));
  const value = unseal(ciphertext, { bytes: key }, boundTo(place, 'value'));
  key.fill(0);
  return value;
}
