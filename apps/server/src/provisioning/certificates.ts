// @peculiar/x509 uses decorators that need this import, and it must come first.
import 'reflect-metadata';
import { createPrivateKey, X509Certificate as NodeCertificate, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import { processUri } from '@countersign/wire';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';
import type { ProcessGroup } from '../process-groups/index.ts';

/** Both are PEM. The key is unencrypted PKCS #8. */
export interface IssuedCertificate {
  readonly certificate: string;
  readonly privateKey: string;
}

export interface ProcessAuthority extends IssuedCertificate {
  /**
   * Issues a certificate for one process, which acts as client and as server.
   *
   * @param names DNS names and IP addresses by which other processes call it
   * @param days of validity; limited by the validity of the authority
   */
  issue(group: ProcessGroup, names: readonly string[], options: IssueOptions): Promise<IssuedCertificate>;
}

export interface IssueOptions {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** 365 when left out. */
  readonly days?: number;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const dayMs = 86_400_000;

/**
 * Creates a certificate authority for the processes of one installation, valid for ten years.
 *
 * @param now milliseconds since the epoch
 */
export async function createProcessAuthority({ now }: { readonly now: number }): Promise<ProcessAuthority> {
  const name = `CN=Countersign processes ${randomBytes(4).toString('hex')}`;
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned(
    {
      name,
      keys,
      signingAlgorithm: algorithm,
      ...validity(now, 3_650),
      extensions: [
        new BasicConstraintsExtension(true, 0, true),
        new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
        await SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return openProcessAuthority({
    certificate: pemFile(certificate.toString('pem')),
    privateKey: await privateKeyOf(keys),
  });
}

/**
 * Opens an existing authority.
 *
 * @throws Error if the certificate or key cannot be read, or if they do not match
 */
export async function openProcessAuthority(own: IssuedCertificate): Promise<ProcessAuthority> {
  const certificate = new X509Certificate(own.certificate);
  const publicKey = await certificate.publicKey.export(webcrypto);
  const der = createPrivateKey(own.privateKey).export({ format: 'der', type: 'pkcs8' });
  const signingKey = await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  if (!new NodeCertificate(own.certificate).checkPrivateKey(createPrivateKey(own.privateKey)))
    throw new Error('certificate and key of the authority do not belong together');
  return {
    ...own,
    async issue(group, names, { now, days = 365 }) {
      const its = await generateKeys();
      const { notBefore, notAfter } = validity(now, days);
      const issued = await X509CertificateGenerator.create(
        {
          issuer: certificate.subject,
          subject: `CN=Countersign ${group}`,
          publicKey: its.publicKey,
          signingKey,
          signingAlgorithm: algorithm,
          notBefore,
          notAfter: new Date(Math.min(notAfter.getTime(), certificate.notAfter.getTime())),
          extensions: [
            new BasicConstraintsExtension(false, undefined, true),
            new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
            new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
            new SubjectAlternativeNameExtension([
              { type: 'url', value: processUri(group) },
              ...names.map((value) => ({ type: isIP(value) === 0 ? ('dns' as const) : ('ip' as const), value })),
            ]),
            await SubjectKeyIdentifierExtension.create(its.publicKey, false, webcrypto),
            await AuthorityKeyIdentifierExtension.create(publicKey, false, webcrypto),
          ],
        },
        webcrypto,
      );
      return { certificate: pemFile(issued.toString('pem')), privateKey: await privateKeyOf(its) };
    },
  };
}

function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

/** Validity starts five minutes in the past, because the clocks of machines differ. */
function validity(now: number, days: number): { readonly notBefore: Date; readonly notAfter: Date } {
  return { notBefore: new Date(now - 300_000), notAfter: new Date(now + days * dayMs) };
}

async function privateKeyOf({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', privateKey));
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

function pemFile(pem: string): string {
  return `${pem.trim()}\n`;
}
