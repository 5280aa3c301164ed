import { decodeBase64 } from '@countersign/kernel';
import { type Certificate, maxCertificateLength, readCertificate } from '@countersign/oauth';
import { attempt, type Place } from '../../problems.ts';

const maxCertificates = 8;
const maxCharacters = Math.ceil(maxCertificateLength / 3) * 4;

/**
 * Reads the certificates of a JWK (RFC 7517 section 4.7). The first one must be for the very key of the JWK, or the
 * name of one key would stand for another.
 *
 * @param keyThumbprint RFC 7638, of the JWK
 * @returns SHA-256 over the DER of the first one, base64url (RFC 8705 section 3.1)
 */
export function readCertificateThumbprint(chain: unknown, keyThumbprint: string, place: Place): string | undefined {
  if (!Array.isArray(chain) || chain.length === 0 || chain.length > maxCertificates)
    return place.report('key_unusable', `x5c is a list of 1 to ${maxCertificates} certificates.`);
  const [first, ...others] = chain.map((text: unknown, index) => read(text, place.at(index)));
  if (first === undefined || others.includes(undefined)) return undefined;
  if (first.keyThumbprint !== keyThumbprint)
    return place.at(0).report('key_unusable', 'The first certificate is for another key than this one.');
  return first.thumbprint;
}

function read(text: unknown, place: Place): Certificate | undefined {
  const der = typeof text === 'string' && text.length <= maxCharacters ? decodeBase64(text) : undefined;
  if (der === undefined) return place.report('key_unusable', 'A certificate in x5c is DER in base64 with padding.');
  return attempt(
    place,
    () => 'key_unusable',
    () => readCertificate(der),
  );
}
