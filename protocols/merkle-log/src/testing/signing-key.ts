import { createPrivateKey, sign } from 'node:crypto';
import { sha256 } from '@countersign/kernel';
import { createVerifierKey, type Sign, type SignatureType, type VerifierKey } from '../index.ts';

/** An Ed25519 key that is the same in every run: the seed is the hash of its name. */
export function signingKey(
  name: string,
  type: SignatureType = 'ed25519',
): { readonly key: VerifierKey; readonly sign: Sign } {
  // PKCS#8 around a raw seed (RFC 8410 section 7).
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256(name)]);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const { x } = privateKey.export({ format: 'jwk' });
  return {
    key: createVerifierKey({ name, type, publicKey: Buffer.from(x ?? '', 'base64url') }),
    sign: async (data) => sign(null, data, privateKey),
  };
}
