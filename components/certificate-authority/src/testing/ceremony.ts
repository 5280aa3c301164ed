import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import type { AuthorityRequest } from '@countersign/contracts';
import { sha256Base64Url } from '@countersign/kernel';
import {
  buildIssuingCertificate,
  buildRootCertificate,
  encodeDirectoryName,
  readCertificationRequest,
  readX509Certificate,
} from '@countersign/x509';
import type { CeremonyResult } from '../ledger/fold.ts';

const year = 365 * 86_400_000;

/** A root on an offline machine. */
export async function createRoot(now: number) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
  const signing = (notAfter: number) => ({
    algorithm: 'ES384' as const,
    sign: async (octets: Uint8Array) => sign('sha384', octets, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
    serial: BigInt(`0x40${randomBytes(15).toString('hex')}`),
    notBefore: now - 60_000,
    notAfter,
  });
  const der = await buildRootCertificate({
    ...signing(now + 10 * year),
    subject: encodeDirectoryName([
      ['organizationName', 'Example Bank AG'],
      ['commonName', 'Example Bank AG root'],
    ]),
    publicKey: publicKey.export({ format: 'der', type: 'spki' }),
  });
  return {
    der,
    /** Signs the request of an authority, optionally with the mistakes of a careless ceremony. */
    async grant(
      request: AuthorityRequest,
      changes: Partial<Pick<AuthorityRequest, 'uriHosts' | 'dnsNames' | 'policies'>> = {},
      notAfter = now + 3 * year,
    ): Promise<CeremonyResult> {
      const certificate = await buildIssuingCertificate({
        ...signing(notAfter),
        root: readX509Certificate(der),
        request: readCertificationRequest(request.request),
        limits: { ...request, ...changes },
      });
      return {
        id: request.id,
        certificate,
        root: der,
        transcript: sha256Base64Url(new TextEncoder().encode('transcript')),
      };
    },
  };
}
