import { createHmac } from 'node:crypto';
import { equalInConstantTime, type Json, membersOf } from '@countersign/kernel';
import { type AccountKey, importAccountKey } from './account-keys.ts';
import { acmeErrors } from './errors.ts';
import { type FlattenedJws, malformed, objectIn, readFlattenedJws } from './flattened-jws.ts';

/** An external account binding whose MAC is not verified yet. */
export interface UnverifiedBinding {
  /** The key identifier that was issued together with the secret. */
  readonly keyId: string;
  readonly jws: FlattenedJws;
}

const { error } = acmeErrors;

/**
 * RFC 8555 section 7.3.4.
 *
 * @param url of the outer request
 * @throws CodedError `acme_malformed`, `acme_algorithm_unsupported`
 */
export function readAccountBinding(binding: Json, url: string): UnverifiedBinding {
  const members = membersOf(binding);
  if (members === undefined) throw malformed('The external account binding is not a JSON object.');
  const jws = readFlattenedJws(members);
  const { alg, kid, url: named } = jws.protectedHeader;
  if (alg !== 'HS256')
    throw error('acme_algorithm_unsupported', 'The external account binding must use HS256.', {
      facts: { algorithms: ['HS256'] },
    });
  if (Object.hasOwn(jws.protectedHeader, 'nonce'))
    throw malformed('The external account binding must not have a nonce.');
  if (named !== url) throw malformed('The external account binding has another URL than the request.');
  if (typeof kid !== 'string' || kid.length > 128)
    throw malformed('The external account binding does not name its key.');
  return { keyId: kid, jws };
}

/** @throws CodedError `acme_unauthorized` */
export function verifyAccountBinding({ jws }: UnverifiedBinding, secret: Uint8Array, accountKey: AccountKey): void {
  const mac = createHmac('sha256', secret).update(jws.signingInput, 'latin1').digest('base64url');
  if (!equalInConstantTime(mac, jws.signature.toString('base64url')))
    throw error(
      'acme_unauthorized',
      'The external account binding does not verify. Check the key identifier and the HMAC key.',
    );
  const bound = importAccountKey(objectIn(jws.payload, 'The payload of the external account binding'));
  if (bound.thumbprint !== accountKey.thumbprint)
    throw error('acme_unauthorized', 'The external account binding is for another account key.');
}
