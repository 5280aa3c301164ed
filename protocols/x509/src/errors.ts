import { type CodedError, errorVocabulary } from '@countersign/kernel';

/** What stops a caller that reads or builds something. Verification answers with a union instead. */
export const x509Errors = errorVocabulary({
  der_malformed: 'invalid',
  certificate_malformed: 'invalid',
  algorithm_unsupported: 'invalid',
  /** A key that anybody with enough machines can sign by. */
  key_weak: 'invalid',
  timestamp_malformed: 'invalid',
});

export function malformedDer(detail: string): CodedError {
  return x509Errors.error('der_malformed', `This is not the DER that was expected: ${detail}.`);
}
