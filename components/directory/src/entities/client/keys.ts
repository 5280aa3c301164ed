import type { KeyCache } from '@countersign/oauth';
import type { WrittenKey } from '../../entry.ts';
import type { Place } from '../../problems.ts';
import { readPublicKey } from '../public-key.ts';
import { readCertificateThumbprint } from './certificate.ts';
import type { ClientDocument } from './schema.ts';

/**
 * The registered keys of a client, each with a `kid` of its own: an assertion names the key that signed it. Empty
 * where they are fetched, or where nothing needs one.
 */
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
      at.at('kid').report('key_unusable', 'Each key of a client has a kid of its own, of 1 to 256 characters.');
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

/** In the document or at an address, never both: two sources would be two truths. */
function checkWhereKeysAre(document: ClientDocument, place: Place): void {
  const { jwks, jwks_uri: jwksUri } = document;
  if (jwks !== undefined && jwksUri !== undefined)
    place.at('jwks_uri').report('client_metadata_invalid', 'Keys are in jwks or at jwks_uri, not both.');
  if (jwks !== undefined || jwksUri !== undefined) return;
  // With a certificate of a known authority nothing is signed by the client, unless it signs its requests.
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
