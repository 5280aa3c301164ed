import { errorVocabulary } from '@countersign/kernel';

/** Always `invalid_client` (RFC 6749 section 5.2); the codes serve records and developers. */
export const clientAssertionErrors = errorVocabulary({
  client_assertion_malformed: 'unauthenticated',
  client_assertion_type: 'unauthenticated',
  client_assertion_algorithm: 'unauthenticated',
  client_assertion_key: 'unauthenticated',
  client_assertion_signature: 'unauthenticated',
  client_assertion_issuer: 'unauthenticated',
  client_assertion_audience: 'unauthenticated',
  client_assertion_time: 'unauthenticated',
  client_assertion_expired: 'unauthenticated',
  client_assertion_lifetime: 'unauthenticated',
  client_assertion_id: 'unauthenticated',
});

/** `invalid_dpop_proof` (RFC 9449). */
export const proofErrors = errorVocabulary({
  proof_missing: 'unauthenticated',
  proof_repeated: 'unauthenticated',
  proof_malformed: 'unauthenticated',
  proof_type: 'unauthenticated',
  proof_algorithm: 'unauthenticated',
  proof_key: 'unauthenticated',
  proof_signature: 'unauthenticated',
  proof_method: 'unauthenticated',
  proof_url: 'unauthenticated',
  proof_time: 'unauthenticated',
  proof_id: 'unauthenticated',
  proof_token_hash: 'unauthenticated',
  proof_binding: 'unauthenticated',
  /** `use_dpop_nonce` (RFC 9449 sections 8 and 9). */
  proof_nonce: 'unauthenticated',
});

/** `invalid_token` (RFC 6750 section 3.1, RFC 8705 section 3, RFC 9449 section 7.1). */
export const accessTokenErrors = errorVocabulary({
  token_missing: 'unauthenticated',
  token_scheme: 'unauthenticated',
  token_invalid: 'unauthenticated',
  token_type: 'unauthenticated',
  token_key_unknown: 'unauthenticated',
  token_signature: 'unauthenticated',
  token_issuer: 'unauthenticated',
  token_audience: 'unauthenticated',
  token_expired: 'unauthenticated',
  /** The connection has no certificate. */
  token_certificate_missing: 'unauthenticated',
  /** Perhaps an earlier certificate of the same holder. */
  token_certificate_binding: 'unauthenticated',
  token_certificate_expired: 'unauthenticated',
});

/** RFC 5280, RFC 8705, RFC 9440. */
export const certificateErrors = errorVocabulary({
  certificate_malformed: 'invalid',
  /** RFC 8705 section 2.1.2. */
  certificate_name_malformed: 'invalid',
});

/** A token verifier without a valid list must refuse tokens. */
export const revocationListErrors = errorVocabulary({
  revocation_list_malformed: 'unavailable',
  revocation_list_type: 'unavailable',
  revocation_list_key_unknown: 'unavailable',
  revocation_list_signature: 'unavailable',
  revocation_list_issuer: 'unavailable',
  revocation_list_expired: 'unavailable',
  revocation_list_too_large: 'unavailable',
});

export const keyErrors = errorVocabulary({
  key_malformed: 'invalid',
  key_private: 'invalid',
  key_unsupported: 'invalid',
});

/** RFC 8693 section 4.1. */
export const actChainErrors = errorVocabulary({
  act_malformed: 'invalid',
  act_too_deep: 'invalid',
  act_loop: 'invalid',
});

/** Parsers could read such a form differently (RFC 6749 section 3.2 and appendix B). */
export const formErrors = errorVocabulary({
  form_too_large: 'too-large',
  form_malformed: 'invalid',
  form_repeated: 'invalid',
});

/** RFC 8414. */
export const metadataErrors = errorVocabulary({
  metadata_invalid: 'invalid',
  metadata_issuer: 'invalid',
});
