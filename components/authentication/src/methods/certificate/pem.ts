import { decodeBase64 } from '@countersign/kernel';
import { type ParsedCertificate, readX509Certificate, x509Errors } from '@countersign/x509';

/** In order. @throws CodedError `certificate_malformed` */
export function certificatesIn(pem: string): readonly ParsedCertificate[] {
  return blocksOf(pem, 'CERTIFICATE').map(readX509Certificate);
}

/** DER of one list, or PEM of any number. */
export function revocationListsIn(file: Uint8Array): readonly Uint8Array[] {
  // A DER SEQUENCE begins with 0x30, ASCII "0"; no PEM does.
  if (file[0] === 0x30) return [file];
  return blocksOf(new TextDecoder('latin1').decode(file), 'X509 CRL');
}

function blocksOf(pem: string, label: string): readonly Uint8Array[] {
  const blocks = pem.matchAll(new RegExp(`-----BEGIN ${label}-----([^-]+)-----END ${label}-----`, 'g'));
  return Array.from(blocks, ([, base64 = '']) => {
    const der = decodeBase64(base64.replaceAll(/\s+/g, ''));
    if (der === undefined) throw x509Errors.error('certificate_malformed', 'The PEM text is not base64.');
    return der;
  });
}
