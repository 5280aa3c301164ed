import { decodeBase64, errorVocabulary } from '@countersign/kernel';

export const clientCertificateErrors = errorVocabulary({
  /** A client certificate header from a peer that is not a configured proxy. */
  client_certificate_header_untrusted: 'invalid',
  client_certificate_header_malformed: 'invalid',
});

/** Maximum size of a certificate in bytes. */
const maxCertificateBytes = 8_192;
/** Maximum number of certificates that a proxy may forward in addition to the client's own. */
const maxChain = 3;

/** A client certificate that a proxy forwarded (RFC 9440), in DER. */
export interface ForwardedCertificate {
  readonly der: Uint8Array;
  /** The chain that the client sent, in order, without the trust anchor. */
  readonly chain: readonly Uint8Array[];
}

/**
 * Reads `Client-Cert` and `Client-Cert-Chain` (RFC 9440 sections 2.2 and 2.3): byte sequences of structured fields (RFC 8941
 * section 3.3.5), without parameters.
 *
 * @param certificate every value of `Client-Cert` @param chain every value of `Client-Cert-Chain`
 * @returns undefined when the proxy names no client certificate
 * @throws CodedError `client_certificate_header_malformed`; also for a repeated header, because a client may have sent one of
 * them
 */
export function readForwardedCertificate(
  certificate: readonly string[],
  chain: readonly string[],
): ForwardedCertificate | undefined {
  if (certificate.length > 1 || chain.length > 1) throw malformed('It is there more than once.');
  const [own] = certificate;
  const [others] = chain;
  if (own === undefined) {
    if (others !== undefined) throw malformed('There is a chain without a certificate.');
    return undefined;
  }
  const items = others === undefined ? [] : others.split(',', maxChain + 2);
  if (items.length > maxChain) throw malformed(`A chain has at most ${maxChain} certificates.`);
  return { der: byteSequence(own), chain: items.map(byteSequence) };
}

function byteSequence(item: string): Uint8Array {
  const text = item.replace(/^[ \t]+|[ \t]+$/g, '');
  if (text.length > 2 + Math.ceil(maxCertificateBytes / 3) * 4) throw malformed('A certificate is too long.');
  if (text.length < 4 || !text.startsWith(':') || !text.endsWith(':'))
    throw malformed('It is not base64 between two colons.');
  const bytes = decodeBase64(text.slice(1, -1));
  if (bytes === undefined) throw malformed('It is not padded base64.');
  return bytes;
}

function malformed(why: string): Error {
  return clientCertificateErrors.error(
    'client_certificate_header_malformed',
    `The header with the client's certificate cannot be used (RFC 9440). ${why}`,
  );
}
