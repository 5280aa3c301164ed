import { decodeBase64 } from '@countersign/kernel';
import { maxCertificateLength } from './certificate.ts';
import { certificateErrors } from './errors.ts';

const clientCertPattern = /^:([A-Za-z0-9+/=]+):$/;

/**
 * The certificate in the value of a `Client-Cert` header (RFC 9440 section 2.2): one byte sequence of RFC 8941,
 * without parameters. Whether whoever sent the header may be believed is for the caller to know before it asks.
 *
 * @returns DER
 * @throws CodedError `certificate_header_malformed`
 */
export function readClientCertHeader(value: string): Uint8Array {
  const encoded = value.length > maxCertificateLength * 1.4 ? undefined : clientCertPattern.exec(value)?.[1];
  const der = encoded === undefined ? undefined : decodeBase64(encoded);
  if (der === undefined || der.length > maxCertificateLength)
    throw certificateErrors.error(
      'certificate_header_malformed',
      'The Client-Cert header must be one certificate as a byte sequence: base64 between colons (RFC 9440).',
    );
  return der;
}
