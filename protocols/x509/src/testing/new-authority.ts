import { randomBytes } from 'node:crypto';
import {
  assembleCertificate,
  buildTbsCertificate,
  encodeDirectoryName,
  keyIdentifierOf,
  type NewExtensions,
  type ParsedCertificate,
  readX509Certificate,
} from '../index.ts';
import type { SigningAlgorithm } from '../signatures/sign-algorithms.ts';
import { type SigningKey, signingKey } from './signing-key.ts';

export const day = 86_400_000;

/** An authority, or the holder of a certificate. */
export interface Holder {
  readonly certificate: ParsedCertificate;
  readonly key: SigningKey;
}

export interface IssueOptions {
  readonly by?: Holder;
  readonly key?: SigningKey;
  readonly algorithm?: SigningAlgorithm;
  readonly serial?: bigint;
  /** DER of the Name. */
  readonly subject?: Uint8Array;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly extensions?: NewExtensions;
}

export const authorityExtensions: NewExtensions = {
  basicConstraints: { authority: true },
  keyUsage: ['keyCertSign', 'crlSign', 'digitalSignature'],
};
export const clientExtensions: NewExtensions = {
  keyUsage: ['digitalSignature'],
  extendedKeyUsage: { purposes: ['1.3.6.1.5.5.7.3.2'] },
};
export const randomSerial = (): bigint => BigInt(`0x40${randomBytes(15).toString('hex')}`);

/** The to-be-signed octets of a certificate. Without `by`: of a self-signed authority. */
export function buildFor(name: string, options: IssueOptions, key: SigningKey): Uint8Array {
  const { by, extensions = by === undefined ? authorityExtensions : clientExtensions } = options;
  const subject = options.subject ?? encodeDirectoryName([['commonName', name]]);
  return buildTbsCertificate({
    serial: options.serial ?? randomSerial(),
    algorithm: by?.key.algorithm ?? key.algorithm,
    issuer: by?.certificate.subject ?? subject,
    subject,
    notBefore: options.notBefore ?? Date.now() - 60_000,
    notAfter: options.notAfter ?? Date.now() + 30 * day,
    publicKey: key.publicKey,
    extensions: {
      subjectKeyIdentifier: keyIdentifierOf(key.publicKey),
      authorityKeyIdentifier: keyIdentifierOf((by?.key ?? key).publicKey),
      ...extensions,
    },
  });
}

/** Issues a certificate with our own builder. */
export function issue(name: string, options: IssueOptions = {}): Holder {
  const key = options.key ?? signingKey(options.algorithm);
  const toBeSigned = buildFor(name, options, key);
  const signature = (options.by?.key ?? key).sign(toBeSigned);
  return { certificate: readX509Certificate(assembleCertificate(toBeSigned, signature)), key };
}

export function pem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
