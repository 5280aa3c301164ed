import { errorVocabulary } from '@countersign/kernel';

/** What stops a person at the pages of approvers, beside what the registry and their authenticator say. */
export const approverPageErrors = errorVocabulary({
  /** What the form was drawn from is not what there is now. */
  approval_changed: 'conflict',
  sign_in_abandoned: 'forbidden',
  form_forged: 'forbidden',
  decision_missing: 'invalid',
  batch_empty: 'invalid',
  batch_too_large: 'too-large',
  batch_role: 'forbidden',
});
