import { errorVocabulary } from '@countersign/kernel';

/** For callers that build structures. Verification returns a union instead. */
export const merkleLogErrors = errorVocabulary({
  proof_out_of_range: 'invalid',
  tile_out_of_range: 'invalid',
  entry_too_large: 'too-large',
  not_signable: 'invalid',
  verifier_key_unusable: 'invalid',
  frontier_corrupt: 'unavailable',
  tile_corrupt: 'unavailable',
  signer_failed: 'unavailable',
});
