import { createHmac, createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { secretsErrors, type VenueAlgorithm } from '@countersign/contracts';
import type { VenueSigner } from './venue-form.ts';

const invalid = (detail: string) => secretsErrors.error('secret_definition_invalid', detail);

/** A signer over the stored value of a key: the secret of an HMAC, or PKCS #8 in DER. */
export function createVenueSigner(algorithm: VenueAlgorithm, value: Buffer): VenueSigner {
  const wrong = (): never => {
    throw new Error(`a venue requested a signature other than ${algorithm}`);
  };
  if (algorithm === 'hmac')
    return {
      algorithm,
      hmac: (hash, octets, secret) =>
        createHmac(hash, secret === 'text' ? value : Buffer.from(value.toString('latin1'), 'base64'))
          .update(octets)
          .digest(),
      sign: wrong,
    };
  const key = createPrivateKey({ key: value, format: 'der', type: 'pkcs8' });
  return {
    algorithm,
    hmac: wrong,
    sign: (octets) =>
      algorithm === 'ed25519'
        ? sign(null, Buffer.from(octets), key)
        : sign('sha256', Buffer.from(octets), { key, dsaEncoding: 'ieee-p1363' }),
  };
}

/** A new key. The venue receives its public part. */
export function makeVenueKey(algorithm: Exclude<VenueAlgorithm, 'hmac'>): {
  readonly value: Buffer;
  readonly publicKey: string;
} {
  const { privateKey, publicKey } =
    algorithm === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return {
    value: privateKey.export({ format: 'der', type: 'pkcs8' }),
    publicKey: publicKey.export({ format: 'pem', type: 'spki' }).toString(),
  };
}

/**
 * Converts a secret or private key from the venue to its stored form.
 * @param text the secret as the venue shows it, or PEM
 * @throws CodedError `secret_definition_invalid`
 */
export function importVenueKey(algorithm: VenueAlgorithm, text: string): Buffer {
  if (algorithm === 'hmac') {
    if (!/^[!-~]{16,512}$/.test(text)) throw invalid('The secret of a venue must have 16 to 512 visible characters.');
    return Buffer.from(text, 'latin1');
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch {
    // The cause could contain parts of the key.
    throw invalid('The private key is not PEM.');
  }
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = key;
  const fits = algorithm === 'ed25519' ? type === 'ed25519' : type === 'ec' && details?.namedCurve === 'prime256v1';
  if (!fits) throw invalid(`The private key is not for ${algorithm}.`);
  return key.export({ format: 'der', type: 'pkcs8' });
}
