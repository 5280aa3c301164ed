import { errorVocabulary } from '@countersign/kernel';

export const approverPageErrors = errorVocabulary({
  approval_changed: 'conflict',
  sign_in_abandoned: 'forbidden',
  form_forged: 'forbidden',
  decision_missing: 'invalid',
  batch_empty: 'invalid',
  batch_too_large: 'too-large',
  batch_role: 'forbidden',
});
