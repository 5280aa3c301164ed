import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { rootCertificates } from 'node:tls';
import { CodedError } from '@countersign/kernel';

/**
 * Trusts the certificate authorities in a file for the rest of this process, in addition to those of Node.js.
 *
 * @param path PEM, one certificate or more
 * @throws CodedError `authorities_unreadable`
 */
export async function trustAuthorities(path: string): Promise<void> {
  const authorities = certificatesOf(path);
  const { Agent, setGlobalDispatcher } = await import('undici');
  setGlobalDispatcher(new Agent({ connect: { ca: [...rootCertificates, ...authorities] } }));
}

function certificatesOf(path: string): readonly string[] {
  try {
    const found = readFileSync(path, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (found.length === 0) throw new Error('no certificate in it');
    return found.map((pem) => new X509Certificate(pem).toString());
  } catch (cause) {
    throw new CodedError({
      code: 'authorities_unreadable',
      category: 'invalid',
      detail: `${path} holds no certificates that can be read (${cause instanceof Error ? cause.message : 'unknown fault'}). Name a PEM file with --ca.`,
      cause,
    });
  }
}
