import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { decodeBase64, sha256 } from '@countersign/kernel';
import { merkleLogErrors } from './errors.ts';
import { hasControlCharacter } from './strict-text.ts';

/** Signature type identifiers (signed-note, "Signature types"). */
export const signatureTypes = {
  ed25519: 0x01,
  /** A witness's signature over time and checkpoint (tlog-cosignature). */
  'ed25519-cosignature': 0x04,
} as const;
export type SignatureType = keyof typeof signatureTypes;

export interface VerifierKey {
  readonly name: string;
  /** uint32. Not a collision-resistant hash. */
  readonly keyId: number;
  readonly type: SignatureType;
  /** 32 bytes (RFC 8032). */
  readonly publicKey: Uint8Array;
  readonly keyObject: KeyObject;
}

const ed25519KeySize = 32;

/** Not empty, no Unicode spaces, no plus sign (signed-note, "Format"). */
export function isKeyName(name: string): boolean {
  return (
    name !== '' &&
    name.isWellFormed() &&
    !/[\p{White_Space}+]/u.test(name) &&
    !hasControlCharacter(name, { newline: false })
  );
}

/** `SHA-256(name || 0x0A || signature type || public key)[:4]`, big-endian (signed-note, "Signatures"). */
export function computeKeyId(key: Pick<VerifierKey, 'name' | 'type' | 'publicKey'>): number {
  const head = Buffer.from(`${key.name}\n`);
  return sha256(Buffer.concat([head, Buffer.of(signatureTypes[key.type]), key.publicKey])).readUInt32BE(0);
}

/** @param parts.publicKey 32 bytes (RFC 8032) @throws CodedError `verifier_key_unusable` */
export function createVerifierKey(parts: Pick<VerifierKey, 'name' | 'type' | 'publicKey'>): VerifierKey {
  const { name, type } = parts;
  if (!isKeyName(name))
    throw merkleLogErrors.error('verifier_key_unusable', 'A key name is not empty and has no spaces and no plus sign.');
  if (parts.publicKey.length !== ed25519KeySize)
    throw merkleLogErrors.error('verifier_key_unusable', 'An Ed25519 public key is 32 bytes long.');
  const publicKey = Buffer.from(parts.publicKey);
  const keyObject = createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: publicKey.toString('base64url') },
    format: 'jwk',
  });
  return { name, type, publicKey, keyObject, keyId: computeKeyId({ name, type, publicKey }) };
}

export type ParsedVerifierKey =
  | { readonly ok: true; readonly key: VerifierKey }
  | { readonly ok: false; readonly reason: 'malformed' | 'unsupported_type' | 'wrong_key_id' };

const maxVkeyLength = 4096;

/** `<name>+<hex key id>+<base64(type || public key)>` (signed-note, "Verifier keys"). */
export function parseVerifierKey(text: string): ParsedVerifierKey {
  if (text.length > maxVkeyLength) return { ok: false, reason: 'malformed' };
  // Base64 may contain plus signs, so the first two separate.
  const [, name, id, encoded] = /^([^+]+)\+([0-9a-f]{8})\+(.+)$/s.exec(text) ?? [];
  const material = encoded === undefined ? undefined : decodeBase64(encoded);
  if (name === undefined || id === undefined || material === undefined || !isKeyName(name))
    return { ok: false, reason: 'malformed' };
  const type = typeOf(material[0]);
  if (type === undefined) return { ok: false, reason: 'unsupported_type' };
  const publicKey = material.subarray(1);
  if (publicKey.length !== ed25519KeySize) return { ok: false, reason: 'malformed' };
  const key = createVerifierKey({ name, type, publicKey });
  return key.keyId === Number.parseInt(id, 16) ? { ok: true, key } : { ok: false, reason: 'wrong_key_id' };
}

function typeOf(byte: number | undefined): SignatureType | undefined {
  if (byte === signatureTypes.ed25519) return 'ed25519';
  if (byte === signatureTypes['ed25519-cosignature']) return 'ed25519-cosignature';
  return undefined;
}

export function formatVerifierKey(key: VerifierKey): string {
  const material = Buffer.concat([Buffer.of(signatureTypes[key.type]), key.publicKey]);
  return `${key.name}+${key.keyId.toString(16).padStart(8, '0')}+${material.toString('base64')}`;
}

export function verifiesEd25519(key: VerifierKey, message: Uint8Array, signature: Uint8Array): boolean {
  return signature.length === 64 && verify(null, message, key.keyObject, signature);
}
