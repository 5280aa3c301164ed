import { type CodedError, errorVocabulary } from '@countersign/kernel';

/** Errors of reading and building. Verification returns a verdict instead of throwing. */
export const x509Errors = errorVocabulary({
  der_malformed: 'invalid',
  certificate_malformed: 'invalid',
  algorithm_unsupported: 'invalid',
  /** A key that can be broken with today's computers. */
  key_weak: 'invalid',
  timestamp_malformed: 'invalid',
  /** A PKCS #10 request that cannot be read. */
  request_malformed: 'invalid',
  /** The signature of a PKCS #10 request was not made with the requested key. */
  possession_unproven: 'invalid',
  /** A name that must not be in a certificate. */
  name_invalid: 'invalid',
  /** An OCSP request that cannot be read. */
  status_request_malformed: 'invalid',
});

export function malformedDer(detail: string): CodedError {
  return x509Errors.error('der_malformed', `The DER is malformed: ${detail}.`);
}
