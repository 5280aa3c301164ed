import { errorVocabulary } from '@countersign/kernel';

/** Reasons to refuse a registration or an assertion. The contract of the authenticators component includes them. */
export const webAuthnErrors = errorVocabulary({
  credential_malformed: 'invalid',
  challenge_mismatch: 'forbidden',
  origin_wrong: 'forbidden',
  rp_id_wrong: 'forbidden',
  user_not_present: 'forbidden',
  user_not_verified: 'forbidden',
  signature_wrong: 'forbidden',
  /** The assertion belongs to a different credential than the expected one. */
  credential_unknown: 'forbidden',
  /** The counter went back, so a copy of the key may exist. The caller suspends the authenticator and asks its owner. */
  counter_rolled_back: 'forbidden',
  /** BE has changed, or BS is set without BE. */
  backup_flags_changed: 'forbidden',
  /** The rules require a device-bound credential. */
  device_bound_required: 'forbidden',
  attestation_required: 'forbidden',
  attestation_untrusted: 'forbidden',
  authenticator_model_refused: 'forbidden',
});

/** One of the codes of {@link webAuthnErrors}. */
export type WebAuthnCode = keyof (typeof webAuthnErrors)['codes'];
