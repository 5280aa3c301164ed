import { errorVocabulary } from '@countersign/kernel';

/** Refusals of an ACME server. `problemOfError` has the type of each in RFC 8555 section 6.7. */
export const acmeErrors = errorVocabulary({
  acme_malformed: 'invalid',
  acme_media_type: 'invalid',
  acme_nonce_bad: 'invalid',
  acme_algorithm_unsupported: 'invalid',
  acme_key_refused: 'invalid',
  /** The signature or the MAC does not verify, or the account lacks the permission. */
  acme_unauthorized: 'forbidden',
  acme_account_unknown: 'invalid',
  acme_binding_required: 'forbidden',
  acme_order_unknown: 'not-found',
  acme_order_not_ready: 'forbidden',
  acme_csr_refused: 'invalid',
  acme_identifier_refused: 'invalid',
  acme_identifier_unsupported: 'invalid',
  acme_profile_unknown: 'invalid',
  acme_directory_unknown: 'not-found',
  acme_already_replaced: 'conflict',
  acme_already_revoked: 'invalid',
  acme_reason_refused: 'invalid',
  acme_certificate_unknown: 'not-found',
  /** The new key belongs to another account. */
  acme_key_in_use: 'conflict',
  acme_rate_limited: 'rate-limited',
});
export type AcmeErrorCode = keyof typeof acmeErrors.codes;
