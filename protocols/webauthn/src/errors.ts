import { errorVocabulary } from '@countersign/kernel';

/** Why a registration or an assertion does not count. The contract of authenticators has these among its own. */
export const webAuthnErrors = errorVocabulary({
  credential_malformed: 'invalid',
  challenge_mismatch: 'forbidden',
  origin_wrong: 'forbidden',
  rp_id_wrong: 'forbidden',
  user_not_present: 'forbidden',
  user_not_verified: 'forbidden',
  signature_wrong: 'forbidden',
  /** The assertion is of another credential than the one it is held against. */
  credential_unknown: 'forbidden',
  /** The counter went back: there may be a copy. Who keeps the authenticator lets it count for nothing until its person is asked. */
  counter_rolled_back: 'forbidden',
  /** BE is not what it was, or BS stands without BE. */
  backup_flags_changed: 'forbidden',
  /** The rules ask for one that cannot leave its device. */
  device_bound_required: 'forbidden',
  attestation_required: 'forbidden',
  attestation_untrusted: 'forbidden',
  authenticator_model_refused: 'forbidden',
});

/** One of the codes of {@link webAuthnErrors}. */
export type WebAuthnCode = keyof (typeof webAuthnErrors)['codes'];
