import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { type Clock, type Random, systemClock, systemRandom } from '@countersign/kernel';
import {
  contextConstructed,
  derBitString,
  derBoolean,
  derCertificateTime,
  derElement,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derPrintable,
  derSequence,
  derUtf8,
  tags,
} from '@countersign/x509/der';

export interface AttestationAuthority {
  /** DER of its root certificate. */
  readonly root: Uint8Array;
  /** The root certificate in PEM. */
  readonly rootPem: string;
  issue(aaguid: string): AttestationKey;
  /** For {@link createAttestationAuthority}; contains the private key. */
  save(): SavedAttestationAuthority;
}

export interface SavedAttestationAuthority {
  /** Base64 of PKCS #8. */
  readonly privateKey: string;
  /** Base64 of DER. */
  readonly root: string;
}

export interface AttestationKey {
  /** DER of its certificate (WebAuthn Level 3 section 8.2.1). */
  readonly certificate: Uint8Array;
  readonly privateKey: KeyObject;
}

export interface AttestationAuthorityOptions {
  /** Default: `Software authenticators`. */
  readonly name?: string;
  /** Validity of its certificates in milliseconds since the epoch. Default: ten years from a day ago. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly saved?: SavedAttestationAuthority;
  readonly clock?: Clock;
  readonly random?: Random;
}

const dayMs = 86_400_000;

/** A manufacturer for tests, the demonstration and development; its attestations prove nothing. */
export function createAttestationAuthority(options: AttestationAuthorityOptions = {}): AttestationAuthority {
  const { name = 'Software authenticators', saved, clock = systemClock, random = systemRandom } = options;
  const notBefore = options.notBefore ?? clock.now() - dayMs;
  const notAfter = options.notAfter ?? notBefore + 3_650 * dayMs;
  const keys =
    saved === undefined
      ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
      : {
          privateKey: createPrivateKey({ key: Buffer.from(saved.privateKey, 'base64'), format: 'der', type: 'pkcs8' }),
          publicKey: undefined,
        };
  const validity = { notBefore, notAfter, random };
  const issuer = subject(name, `${name} Root`);
  const root =
    saved === undefined && keys.publicKey !== undefined
      ? Buffer.from(
          certificate({ subject: issuer, issuer, publicKey: keys.publicKey, signedBy: keys.privateKey, ...validity }, [
            extension('2.5.29.19', derSequence(derBoolean(true)), true),
          ]),
        )
      : Buffer.from(saved?.root ?? '', 'base64');

  return {
    root,
    rootPem: `-----BEGIN CERTIFICATE-----\n${wrapped(root.toString('base64'))}\n-----END CERTIFICATE-----\n`,
    issue(aaguid) {
      const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const model = subject(name, `${name} Key`, 'Authenticator Attestation');
      return {
        privateKey,
        certificate: certificate({ subject: model, issuer, publicKey, signedBy: keys.privateKey, ...validity }, [
          extension('2.5.29.19', derSequence(), true),
          // id-fido-gen-ce-aaguid
          extension('1.3.6.1.4.1.45724.1.1.4', derOctetString(Buffer.from(aaguid.replaceAll('-', ''), 'hex'))),
        ]),
      };
    },
    save: () => ({
      privateKey: keys.privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64'),
      root: root.toString('base64'),
    }),
  };
}

interface NewCertificate {
  readonly subject: Uint8Array;
  readonly issuer: Uint8Array;
  readonly publicKey: KeyObject;
  readonly signedBy: KeyObject;
  readonly notBefore: number;
  readonly notAfter: number;
  readonly random: Random;
}

function certificate(of: NewCertificate, extensions: readonly Uint8Array[]): Uint8Array {
  const algorithm = derSequence(derObjectIdentifier('1.2.840.10045.4.3.2'));
  // Positive and without a leading zero.
  const serial = Buffer.from([0x40, ...of.random.bytes(15)]);
  const toBeSigned = derSequence(
    derElement(contextConstructed(0), derInteger(2)),
    derElement(tags.integer, serial),
    algorithm,
    of.issuer,
    derSequence(derCertificateTime(of.notBefore), derCertificateTime(of.notAfter)),
    of.subject,
    of.publicKey.export({ format: 'der', type: 'spki' }),
    derElement(contextConstructed(3), derSequence(...extensions)),
  );
  return derSequence(toBeSigned, algorithm, derBitString(sign('sha256', toBeSigned, of.signedBy)));
}

function extension(id: string, value: Uint8Array, critical = false): Uint8Array {
  return derSequence(derObjectIdentifier(id), ...(critical ? [derBoolean(true)] : []), derOctetString(value));
}

function subject(organization: string, commonName: string, unit?: string): Uint8Array {
  const attribute = (type: string, value: Uint8Array) =>
    derElement(tags.set, derSequence(derObjectIdentifier(type), value));
  return derSequence(
    attribute('2.5.4.6', derPrintable('CH')),
    attribute('2.5.4.10', derUtf8(organization)),
    ...(unit === undefined ? [] : [attribute('2.5.4.11', derUtf8(unit))]),
    attribute('2.5.4.3', derUtf8(commonName)),
  );
}

function wrapped(base64: string): string {
  return (base64.match(/.{1,64}/g) ?? []).join('\n');
}
