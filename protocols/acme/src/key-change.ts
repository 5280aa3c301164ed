import { isObject } from '@countersign/kernel';
import { type AccountKey, importAccountKey, requestAlgorithmIn } from './account-keys.ts';
import { acmeErrors } from './errors.ts';
import { malformed, objectIn, readFlattenedJws } from './flattened-jws.ts';

/**
 * The inner JWS of a key change (RFC 8555 section 7.3.5): signed with the new key, naming the account and its current
 * key.
 * @param payload of the outer request, signed with the current key
 * @returns the new key
 * @throws CodedError `acme_malformed`, `acme_unauthorized`, `acme_key_refused`, `acme_algorithm_unsupported`
 */
export function readKeyChange(
  payload: Buffer,
  {
    url,
    account,
    key,
  }: {
    readonly url: string;
    /** URL of the account. */ readonly account: string;
    /** Its current key. */ readonly key: AccountKey;
  },
): AccountKey {
  const jws = readFlattenedJws(objectIn(payload, 'The payload'));
  const { jwk, kid, url: named, nonce } = jws.protectedHeader;
  const algorithm = requestAlgorithmIn(jws.protectedHeader);
  if (jwk === undefined || kid !== undefined || nonce !== undefined)
    throw malformed('The inner JWS of a key change must have the new key as jwk, and neither kid nor nonce.');
  if (named !== url) throw malformed('The inner JWS and the outer request have different URLs.');
  const newKey = importAccountKey(jwk);
  if (!newKey.verifies(algorithm, Buffer.from(jws.signingInput, 'latin1'), jws.signature))
    throw acmeErrors.error('acme_unauthorized', 'The inner JWS was not signed with the new key.');
  const { account: stated, oldKey } = objectIn(jws.payload, 'The payload of the inner JWS');
  if (stated !== account) throw malformed('The inner JWS names another account.');
  if (!isObject(oldKey) || importAccountKey(oldKey).thumbprint !== key.thumbprint)
    throw malformed('The inner JWS does not name the current key of the account.');
  return newKey;
}
