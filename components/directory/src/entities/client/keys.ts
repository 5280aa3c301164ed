import { decodeBase64 } from '@countersign/kernel';
import { type Certificate, type KeyCache, maxCertificateLength, readCertificate } from '@countersign/oauth';
import type { WrittenKey } from '../../entry.ts';
import { attempt, type Place } from '../../problems.ts';
import { readPublicKey } from '../fields/public-key.ts';
import type { ClientDocument } from './schema.ts';

/** Each with a unique `kid`, because an assertion names its key. */
export function readKeys(document: ClientDocument, place: Place, keys: KeyCache): readonly WrittenKey[] | undefined {
  checkWhereKeysAre(document, place);
  const jwks = document.jwks?.keys ?? [];
  const read: WrittenKey[] = [];
  const kids = new Set<string>();
  for (const [index, jwk] of jwks.entries()) {
    const at = place.at('jwks', 'keys', index);
    const key = readKey(jwk, at, keys);
    if (key === undefined) continue;
    const kid = key.jwk['kid'];
    if (kid === undefined || kid.length > 256 || kids.has(kid)) {
      at.at('kid').report('key_unusable', 'Each key of a client needs a unique kid of 1 to 256 characters.');
      continue;
    }
    kids.add(kid);
    read.push(key);
  }
  if (read.length < jwks.length) return undefined;
  if (
    document.token_endpoint_auth_method === 'self_signed_tls_client_auth' &&
    jwks.length > 0 &&
    read.every(({ certificateThumbprint }) => certificateThumbprint === undefined)
  )
    place
      .at('jwks')
      .report('client_metadata_invalid', 'self_signed_tls_client_auth needs a key with its certificate in x5c.');
  return read;
}

/** Either in the document or at an address; with both, the two could contradict each other. */
function checkWhereKeysAre(document: ClientDocument, place: Place): void {
  const { jwks, jwks_uri: jwksUri } = document;
  if (jwks !== undefined && jwksUri !== undefined)
    place.at('jwks_uri').report('client_metadata_invalid', 'Use either jwks or jwks_uri, not both.');
  if (jwks !== undefined || jwksUri !== undefined) return;
  // A client that authenticates with a certificate of a known authority needs keys only to sign its requests.
  if (document.token_endpoint_auth_method !== 'tls_client_auth')
    place.at('jwks').report('client_metadata_invalid', 'The client needs keys: jwks or jwks_uri.');
  else if (document.require_signed_request_object === true)
    place.at('jwks').report('client_metadata_invalid', 'Signed request objects need keys: jwks or jwks_uri.');
}

function readKey(
  { x5c: chain, ...jwk }: Readonly<Record<string, unknown>>,
  place: Place,
  keys: KeyCache,
): WrittenKey | undefined {
  const key = readPublicKey(jwk, place, keys);
  if (key === undefined || chain === undefined) return key;
  const certificateThumbprint = readCertificateThumbprint(chain, key.thumbprint, place.at('x5c'));
  return certificateThumbprint === undefined ? undefined : { ...key, certificateThumbprint };
}

const maxCertificates = 8;
const maxCharacters = Math.ceil(maxCertificateLength / 3) * 4;

/**
 * The first certificate must contain the key of the JWK; otherwise the name of one key would identify another.
 *
 * @returns SHA-256 over its DER, base64url (RFC 8705 section 3.1)
 */
function readCertificateThumbprint(chain: unknown, keyThumbprint: string, place: Place): string | undefined {
  if (!Array.isArray(chain) || chain.length === 0 || chain.length > maxCertificates)
    return place.report('key_unusable', `x5c is a list of 1 to ${maxCertificates} certificates.`);
  const [first, ...others] = chain.map((text: unknown, index) => read(text, place.at(index)));
  if (first === undefined || others.includes(undefined)) return undefined;
  if (first.keyThumbprint !== keyThumbprint)
    return place.at(0).report('key_unusable', 'The first certificate contains a different key.');
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
