import { constants, createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { sha256Base64Url, unreachable } from '@countersign/kernel';
import { reimported } from '@countersign/kernel/key-pairs';

/** FAPI 2.0 Security Profile section 5.4.1, plus RS256 for OpenID clients that support nothing else. */
export const keyringAlgorithms = ['ES256', 'EdDSA', 'PS256', 'RS256'] as const;
export type KeyringAlgorithm = (typeof keyringAlgorithms)[number];

export interface KeyMaterial {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly publicJwk: Readonly<Record<string, string>>;
  /** PKCS #8 in DER; overwrite it once it is sealed. */
  readonly privateDer: Buffer;
}

const generate = promisify(generateKeyPair);

/** Generates a key: P-256, Ed25519, or RSA of 3072 bits. Runs off the main thread, because RSA takes about a second. */
export async function makeKey(algorithm: KeyringAlgorithm): Promise<KeyMaterial> {
  const { publicKey, privateKey } = reimported(await generatePair(algorithm));
  const publicJwk = publicMembers(publicKey);
  return {
    // RFC 7638 section 3: the required members in lexicographic order, as written here.
    kid: sha256Base64Url(JSON.stringify(publicJwk)),
    publicJwk,
    privateDer: privateKey.export({ format: 'der', type: 'pkcs8' }),
  };
}

function generatePair(algorithm: KeyringAlgorithm) {
  switch (algorithm) {
    case 'ES256':
      return generate('ec', { namedCurve: 'P-256' });
    case 'EdDSA':
      return generate('ed25519', undefined);
    case 'PS256':
    case 'RS256':
      return generate('rsa', { modulusLength: 3072 });
    default:
      return unreachable(algorithm);
  }
}

/** The public key of a private key, regardless of what is stored beside it. */
export function publicHalf(privateKey: KeyObject): Readonly<Record<string, string>> {
  return publicMembers(createPublicKey(privateKey));
}

function publicMembers(key: KeyObject): Readonly<Record<string, string>> {
  const jwk = key.export({ format: 'jwk' });
  const members = ['crv', 'e', 'kty', 'n', 'x', 'y'] as const;
  return Object.fromEntries(
    members.flatMap((name) => {
      const value = jwk[name];
      return typeof value === 'string' ? [[name, value]] : [];
    }),
  );
}

/** Imports a private key from PKCS #8 in DER and overwrites the DER. */
export function openKey(der: Buffer): KeyObject {
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return privateKey;
}

/** A signature in JOSE form (RFC 7518 sections 3.3 to 3.5, RFC 8037 section 3.1). */
export async function signWith(key: KeyObject, algorithm: KeyringAlgorithm, data: Uint8Array): Promise<Uint8Array> {
  switch (algorithm) {
    case 'ES256':
      return sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' });
    case 'EdDSA':
      return sign(null, data, key);
    case 'PS256':
    case 'RS256': {
      // RSA takes some milliseconds, so it runs off the main thread.
      const padding =
        algorithm === 'PS256'
          ? { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }
          : { padding: constants.RSA_PKCS1_PADDING };
      return new Promise((resolve, reject) =>
        sign('sha256', data, { key, ...padding }, (error, signature) =>
          error === null ? resolve(signature) : reject(error),
        ),
      );
    }
    default:
      return unreachable(algorithm);
  }
}
