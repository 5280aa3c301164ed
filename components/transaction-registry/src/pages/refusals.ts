import { errorVocabulary } from '@countersign/kernel';

/** Errors of the approval pages, beside those of the registry and of authenticators. */
export const approverPageErrors = errorVocabulary({
  /** The transaction has changed since the form was rendered. */
  approval_changed: 'conflict',
  sign_in_abandoned: 'forbidden',
  csrf_token_invalid: 'forbidden',
  decision_missing: 'invalid',
  batch_empty: 'invalid',
  batch_too_large: 'too-large',
  batch_role: 'forbidden',
});
