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
  /** What it has cosigned cannot be read or written: it cosigns nothing before a person has looked. */
  witness_storage_failed: 'unavailable',
  log_key_malformed: 'invalid',
  witness_key_unusable: 'invalid',
  /** Another process has the folder: two of them would not know what the other has cosigned. */
  witness_in_use: 'conflict',
});
