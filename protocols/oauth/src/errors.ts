import { errorVocabulary } from '@countersign/kernel';

/**
 * Why a client assertion does not authenticate its client. On the wire each of these is `invalid_client`
 * (RFC 6749 section 5.2); the code is for the record and the person who debugs the client.
 */
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

/** Why a DPoP proof does not show possession of a key for this request. On the wire `invalid_dpop_proof` (RFC 9449). */
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
  /** On the wire `use_dpop_nonce` (RFC 9449 sections 8 and 9); the answer carries a nonce to use in `DPoP-Nonce`. */
  proof_nonce: 'unauthenticated',
});

/**
 * Why an access token is not accepted. On the wire `invalid_token` (RFC 6750 section 3.1, RFC 8705 section 3, RFC
 * 9449 section 7.1).
 */
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
  /** Bound to a certificate, and the connection showed none. */
  token_certificate_missing: 'unauthenticated',
  /** Bound to another certificate than the one shown; an earlier one of the same holder included. */
  token_certificate_binding: 'unauthenticated',
  /** The certificate it is bound to is not in date. */
  token_certificate_expired: 'unauthenticated',
});

/** A certificate, or what stands for one, that cannot be read or relied on (RFC 5280, RFC 8705, RFC 9440). */
export const certificateErrors = errorVocabulary({
  certificate_malformed: 'invalid',
  /** What a client would be recognised by (RFC 8705 section 2.1.2) is not a name of its kind. */
  certificate_name_malformed: 'invalid',
});

/** A list of revocations that a verifier of tokens may not rely on. Without one it must refuse (fail closed). */
export const revocationListErrors = errorVocabulary({
  revocation_list_malformed: 'unavailable',
  revocation_list_type: 'unavailable',
  revocation_list_key_unknown: 'unavailable',
  revocation_list_signature: 'unavailable',
  revocation_list_issuer: 'unavailable',
  revocation_list_expired: 'unavailable',
  /** More entries than one list may hold. */
  revocation_list_too_large: 'unavailable',
});

/** A public key that cannot be used to verify. */
export const keyErrors = errorVocabulary({
  key_malformed: 'invalid',
  key_private: 'invalid',
  key_unsupported: 'invalid',
});

/** A chain of actors that cannot grow, or is not one (RFC 8693 section 4.1). */
export const actChainErrors = errorVocabulary({
  act_malformed: 'invalid',
  act_too_deep: 'invalid',
  act_loop: 'invalid',
});

/** A form body (RFC 6749 section 3.2 and appendix B) that different readers could read differently. */
export const formErrors = errorVocabulary({
  form_too_large: 'too-large',
  form_malformed: 'invalid',
  form_repeated: 'invalid',
});

/** An authorization server's metadata document (RFC 8414) that may not be used. */
export const metadataErrors = errorVocabulary({
  metadata_invalid: 'invalid',
  metadata_issuer: 'invalid',
});
