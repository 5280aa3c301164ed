import { errorVocabulary } from '@countersign/kernel';

/** Answers of `add-checkpoint` (C2SP tlog-witness). */
export const witnessErrors = errorVocabulary({
  checkpoint_malformed: 'invalid',
  old_size_too_large: 'invalid',
  checkpoint_unsigned: 'forbidden',
  log_unknown: 'not-found',
  old_size_mismatch: 'conflict',
  consistency_unproven: 'invalid',
  witness_storage_failed: 'unavailable',
});
