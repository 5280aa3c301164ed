import { type AccountKey, importAccountKey, type RequestAlgorithm, requestAlgorithmIn } from './account-keys.ts';
import { acmeErrors } from './errors.ts';
import { type FlattenedJws, malformed, parseObject, readFlattenedJws } from './flattened-jws.ts';

interface Request extends Pick<FlattenedJws, 'payload' | 'signingInput' | 'signature'> {
  readonly algorithm: RequestAlgorithm;
  readonly nonce: string;
  readonly url: string;
}
/** A request that contains its own key: a new account, or a revocation with the key of a certificate. */
export interface KeyedRequest extends Request {
  readonly by: 'key';
  readonly key: AccountKey;
}
/** A request that names an account by its URL. */
export interface AccountRequest extends Request {
  readonly by: 'account';
  readonly kid: string;
}
/** A request whose signature is not verified yet. */
export type UnverifiedRequest = KeyedRequest | AccountRequest;

/** The payload of a verified request. */
export interface VerifiedRequest {
  readonly key: AccountKey;
  /** Empty for POST-as-GET (RFC 8555 section 6.3). */
  readonly payload: Buffer;
}

const { error } = acmeErrors;

/**
 * RFC 8555 sections 6.2, 6.4 and 6.5.
 * @param url of the request, as in the directory
 * @throws CodedError `acme_malformed`, `acme_algorithm_unsupported`, `acme_key_refused`, `acme_unauthorized` for
 * another URL
 */
export function readSignedRequest(body: string, url: string): UnverifiedRequest {
  const { protectedHeader, payload, signingInput, signature } = readFlattenedJws(parseObject(body, 'The body'));
  const { nonce, url: named, jwk, kid } = protectedHeader;
  const algorithm = requestAlgorithmIn(protectedHeader);
  if (typeof nonce !== 'string' || !/^[A-Za-z0-9_-]{1,128}$/.test(nonce))
    throw error('acme_nonce_bad', 'The request has no nonce of this server. Use the one in the Replay-Nonce header.');
  if (named !== url) throw error('acme_unauthorized', 'The URL in the protected header is not the URL of the request.');
  const request = { payload, signingInput, signature, algorithm, nonce, url };
  if (jwk !== undefined && kid !== undefined) throw malformed('The protected header has both jwk and kid.');
  if (jwk !== undefined) return { ...request, by: 'key', key: importAccountKey(jwk) };
  if (typeof kid === 'string' && kid.length <= 512) return { ...request, by: 'account', kid };
  throw malformed('The protected header has neither jwk nor kid.');
}

/** @throws CodedError `acme_unauthorized` */
export function verifySignedRequest(request: UnverifiedRequest, key: AccountKey): VerifiedRequest {
  const { algorithm, signingInput, signature, payload } = request;
  if (!key.verifies(algorithm, Buffer.from(signingInput, 'latin1'), signature))
    throw error('acme_unauthorized', 'The signature of the request does not verify.');
  return { key, payload };
}
