import { errorVocabulary } from '@countersign/kernel';

/** Answers of `add-checkpoint` (C2SP tlog-witness), and why a witness does not start. */
export const witnessErrors = errorVocabulary({
  checkpoint_malformed: 'invalid',
  old_size_too_large: 'invalid',
  checkpoint_unsigned: 'forbidden',
  log_unknown: 'not-found',
  old_size_mismatch: 'conflict',
  consistency_unproven: 'invalid',
  witness_overloaded: 'unavailable',
  /** The witness cannot read or write its state. It cosigns nothing until an operator has repaired that. */
  witness_storage_failed: 'unavailable',
  log_key_malformed: 'invalid',
  witness_key_unusable: 'invalid',
  /** Another process uses the folder. Two processes would not know what the other has cosigned. */
  witness_in_use: 'conflict',
});
